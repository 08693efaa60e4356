// deno-lint-ignore-file no-console -- a program for the terminal
/**
 * `deno task picture:tui`: makes docs/screens/*.svg from a real run: the compiled program in a pseudo terminal, its own supervisor,
 * and guests that are no more than a boot sector.
 */
import xterm from "@xterm/headless";
import { styledLines } from "../../src/dev/terminal_screen.ts";
import { type StyledText, terminalSvg } from "../../src/dev/terminal_svg.ts";
import { bootSectorGuest, policyWith } from "../e2e/boot_sector_guest.ts";
import { PASSWORD } from "../e2e/provision_rig.ts";
import { BINARY, type Rig, withRoot } from "../e2e/rig.ts";
import { Pty } from "../fakes/pty.ts";
import { BOOT_SECTORS } from "../guest/boot_sectors.ts";
import { cloudTestImage } from "../guest/cloud.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";

const UP = "\x1b[A", DOWN = "\x1b[B";
const COLUMNS = 120;
const ROWS = 34;
/** Longest time that a screen is waited for. */
const PATIENCE_MS = 60_000;
const FOLDER = new URL("../../docs/screens/", import.meta.url);

const POLICY = policyWith({ shown: "present = true\ninput = true", plain: "present = false" })
  .replace("max_running = 3", "max_running = 8")
  .replace("[linux]\n", '[linux]\nnetworking = "provisioning_only"\n') +
  `[profiles.desk]
kind = "linux"
present = true
networking = "provisioning_only"
network_profiles = ["unrestricted"]
max_vcpu = 1
max_memory_mb = 512
cpu_percent = 50
secure_boot = "required"
tpm = "required"
guest_agent = ["ping", "osinfo", "shutdown"]
[profiles.desk.snapshots]
max = 2
[network_profiles.office]
egress = "allowlist"
allow = ["203.0.113.0/24:443/tcp"]
`;

/** A program in a pseudo terminal, and the screen that it makes. */
class Seen {
  readonly terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  readonly pty: Pty;
  #changed = Promise.withResolvers<void>();
  #last = "";
  /** A frame has begun and not ended: what is on the screen is half of the old one. */
  #isDrawing = false;

  constructor(command: readonly string[]) {
    this.pty = new Pty(command, COLUMNS, ROWS, { LANG: "C.UTF-8", NO_COLOR: "" });
    this.pty.listen((text) =>
      this.terminal.write(text, () => {
        this.#follow(text);
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      })
    );
  }

  /** Synchronized output, DEC private mode 2026, tells where a frame begins and ends. */
  #follow(text: string): void {
    this.#last += text;
    const begun = this.#last.lastIndexOf("\x1b[?2026h"), ended = this.#last.lastIndexOf("\x1b[?2026l");
    if (begun !== ended) this.#isDrawing = begun > ended;
    this.#last = this.#last.slice(-8);
  }

  /** Resolves when a whole frame has this. */
  async shows(what: RegExp): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`never showed ${what}:\n${this.text()}`)),
      PATIENCE_MS,
    );
    try {
      while (this.#isDrawing || !what.test(this.text())) {
        await Promise.race([this.#changed.promise, late.promise]);
      }
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
    const lines = styledLines(this.terminal).map((line) => line.map(withoutLocalName));
    const svg = terminalSvg(lines, COLUMNS, title);
    await Deno.writeTextFile(new URL(`${name}.svg`, FOLDER), svg);
    console.log(`picture: wrote docs/screens/${name}.svg`);
    if (Deno.args.includes("--text")) console.log(this.text());
  }
}

/** A kernel's version, without what its maker calls it. */
function withoutLocalName(run: StyledText): StyledText {
  const text = run.text.replace(
    /(Linux \d+(?:\.\d+)+)(-[^\s,]+)(.*)/,
    (_all, version: string, name: string, rest: string) => version + rest + " ".repeat(name.length),
  );
  return { ...run, text };
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

/** The wizard's questions with what is typed; the others take what is offered. */
const ANSWERS: Readonly<Record<string, string>> = {
  "Kind": DOWN,
  "Name": "A desk",
  "Profile of the policy": DOWN.repeat(3),
  "Its format": DOWN,
  "Size of the disk": "256MiB",
  "Memory, MiB": String(GUEST_MEMORY_MIB),
  "Secure Boot?": UP,
  "TPM 2.0?": UP,
  "Login name": "op",
};
const QUESTIONS = [
  ...["Kind", "Name", "Profile of the policy", "Cloud image", "Its format", "Size of the disk", "vCPUs"],
  ...["Memory, MiB", "Secure Boot?", "TPM 2.0?", "Host name", "Locale", "Time zone", "Keyboard"],
  ...["Login name", "Name in full", "Administrator?", "How do they log in?", "Public key of SSH"],
  ...["A network while it is installed?", "Keep a copy when it is ready?", "Name of the copy"],
];

async function provision(ui: Seen, image: string): Promise<void> {
  const { pty } = ui;
  await ui.shows(/\[4 Provision\]/);
  await pty.type("n");
  await ui.shows(/^Id$/m);
  await pty.type("desk\r");
  for (const title of QUESTIONS) {
    await ui.shows(new RegExp(`^${title.replace("?", "\\?")}(  |$)`, "m"));
    await pty.type(title === "Cloud image" ? image : ANSWERS[title] ?? "");
    await pty.type("\r");
  }
  await ui.shows(/this host can do it/);
  await ui.keep(
    "provision",
    "The provisioning screen: all answers, what policy says and what this host can do",
  );
  await pty.type("b");
  await ui.shows(/^Password$/m);
  await pty.type(`${PASSWORD}\r`);
  await ui.shows(/Password, once more/);
  await pty.type(`${PASSWORD}\r`);
  await ui.shows(/Provision desk\?/);
  await pty.type("y");
  await ui.shows(/▸ \w+ +under way[^]*Console ─[^]*GRUB/);
  await ui.keep("provision-run", "The provisioning screen: a run under way, its steps, events and console");
}

async function main(): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await withRoot(async (rig) => {
    const image = `${rig.root}/cloud.raw`;
    await Deno.copyFile(await cloudTestImage(), image);
    await makeGuests(rig);
    const ui = new Seen([BINARY, "--root", rig.root, "tui"]);
    const { pty } = ui;
    await ui.shows(/web +running/);
    await pty.type("jjj");
    await ui.shows(/▸ +web/);
    await pty.type("p"); // events of it, to be seen
    await ui.shows(/web +paused/);
    await pty.type("c");
    await ui.shows(/web +running[^]*VM:resume/);
    await ui.shows(/cpu +[\d.]+ ?% +[▁▂▃▄▅▆▇]{20}/);
    await ui.keep("guests", "The guests' screen: the list, and below it details and events of one");
    await pty.type("2");
    await ui.shows(/in force[^]*may be presented/);
    await ui.keep("policy", "The policy screen: the file and the effective rights of a guest");
    await pty.type("5");
    await ui.shows(/vm\.present/);
    await ui.keep("audit", "The audit screen: who asked for what, and how it was decided");
    await pty.type("3"); // it begins by itself
    await ui.shows(/\d+ checks in \d/);
    await ui.keep("preflight", "The preflight screen: checks of this host with remedies");
    await pty.type("4");
    await provision(ui, image);
    await pty.type("\x03");
    await pty.end();
    ui.terminal.dispose();
  }, POLICY);
}

if (import.meta.main) await main();
