// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task picture:tui`: makes docs/screens/*.svg from a real run: the compiled program in a pseudo terminal, its own supervisor,
 * and guests that are no more than a boot sector.
 */
import xterm from "@xterm/headless";
import { styledLines } from "../../src/dev/terminal_screen.ts";
import { terminalSvg } from "../../src/dev/terminal_svg.ts";
import { bootSectorGuest, policyWith } from "../e2e/boot_sector_guest.ts";
import { BINARY, type Rig, withRoot } from "../e2e/rig.ts";
import { Pty } from "../fakes/pty.ts";
import { BOOT_SECTORS } from "../guest/boot_sectors.ts";

const COLUMNS = 120;
const ROWS = 34;
/** Longest time that a screen is waited for. */
const PATIENCE_MS = 60_000;
const FOLDER = new URL("../../docs/screens/", import.meta.url);

const POLICY = policyWith({ shown: "present = true\ninput = true", plain: "present = false" }) +
  `[network_profiles.office]
egress = "allowlist"
allow = ["203.0.113.0/24:443/tcp"]
`;

/** A program in a pseudo terminal, and the screen that it makes. */
class Seen {
  readonly terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  readonly pty: Pty;
  #changed = Promise.withResolvers<void>();

  constructor(command: readonly string[]) {
    this.pty = new Pty(command, COLUMNS, ROWS, { LANG: "C.UTF-8", NO_COLOR: "" });
    this.pty.listen((text) =>
      this.terminal.write(text, () => {
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      })
    );
  }

  async shows(what: RegExp): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`never showed ${what}:\n${this.text()}`)),
      PATIENCE_MS,
    );
    try {
      while (!what.test(this.text())) await Promise.race([this.#changed.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  text(): string {
    return styledLines(this.terminal).map((line) => line.map(({ text }) => text).join("").trimEnd()).join(
      "\n",
    );
  }

  async keep(name: string, title: string): Promise<void> {
    const svg = terminalSvg(styledLines(this.terminal), COLUMNS, title);
    await Deno.writeTextFile(new URL(`${name}.svg`, FOLDER), svg);
    console.log(`picture: wrote docs/screens/${name}.svg`);
    if (Deno.args.includes("--text")) console.log(this.text());
  }
}

async function makeGuests(rig: Rig): Promise<void> {
  const more = { policy_profile: "shown" };
  await bootSectorGuest(rig, "web", BOOT_SECTORS.powerOffOnButton, more);
  await bootSectorGuest(rig, "build", BOOT_SECTORS.powerOffOnButton, more);
  await bootSectorGuest(rig, "db", BOOT_SECTORS.powerOffOnButton, { policy_profile: "plain" });
  await bootSectorGuest(rig, "mail", BOOT_SECTORS.powerOffOnButton, { policy_profile: "plain" });
  for (const id of ["web", "build", "db"]) await rig.ok("vm", "start", id);
  await rig.ok("vm", "pause", "db");
  await rig.ok("vm", "present", "web");
}

async function main(): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await withRoot(async (rig) => {
    await makeGuests(rig);
    const ui = new Seen([BINARY, "--root", rig.root, "tui"]);
    const { pty } = ui;
    await ui.shows(/web +running/);
    await pty.type("jjj");
    await ui.shows(/▸ web/);
    await ui.shows(/cpu +[\d.]+ ?% +[▁▂▃▄▅▆▇█]{6}/);
    await ui.keep("guests", "The guests' screen: list, details and events");
    await pty.type("2");
    await ui.shows(/may be presented/);
    await ui.keep("policy", "The policy screen: the file and the effective rights of a guest");
    await pty.type("5");
    await ui.shows(/vm\.present/);
    await ui.keep("audit", "The audit screen: who asked for what, and how it was decided");
    await pty.type("3"); // it begins by itself
    await ui.shows(/\d+ checks in \d/);
    await ui.keep("preflight", "The preflight screen: checks of this host with remedies");
    await pty.type("4");
    await ui.shows(/\[4 Provision\]/);
    await pty.type("n");
    await pty.type("desk-1\r");
    await ui.shows(/step 1 of/);
    await ui.shows(/^(?![^]*being asked)/);
    await ui.keep("provision", "The provisioning screen: the questions of a new guest");
    await pty.type("\x03");
    await pty.end();
    ui.terminal.dispose();
  }, POLICY);
}

if (import.meta.main) await main();
