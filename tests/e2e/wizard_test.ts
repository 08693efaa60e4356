/** The wizard in a real terminal. */
import assert from "node:assert/strict";
import { askAnswers, type WizardResult } from "../../src/cli/wizard_clack.ts";
import { Failure } from "../../src/core/problem.ts";
import { parseAnswers } from "../../src/provision/answers.ts";
import { TmuxScreen } from "../fakes/tmux_screen.ts";

const PROGRAM = new URL("../fakes/wizard_program.ts", import.meta.url).pathname;
const LOCK = new URL("../../deno.lock", import.meta.url).pathname;

async function inTerminal(test: (screen: TmuxScreen) => Promise<void>): Promise<Record<string, unknown>> {
  const folder = await Deno.makeTempDir();
  const command = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-check",
    `--lock=${LOCK}`,
    "--frozen",
    PROGRAM,
    `${folder}/result`,
  ];
  const screen = new TmuxScreen(command, 90, 60, { NO_COLOR: "1" });
  try {
    await test(screen);
    await screen.end();
    return JSON.parse(await Deno.readTextFile(`${folder}/result`));
  } finally {
    await screen.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits for a question and takes what is shown. */
async function takes(screen: TmuxScreen, ...titles: readonly string[]): Promise<void> {
  for (const title of titles) {
    await screen.shows(new RegExp(`◆ +${title}`));
    await screen.press("Enter");
  }
}

async function types(screen: TmuxScreen, title: string, text: string): Promise<void> {
  await screen.shows(new RegExp(`◆ +${title}`));
  await screen.type(text);
  await screen.press("Enter");
}

Deno.test("a windows guest is asked for from end to end, with going back, a change, consent and a password", async () => {
  const result = await inTerminal(async (screen) => {
    await screen.shows("A new guest: gate-1");
    await takes(screen, "Kind", "Name", "Profile");
    await types(screen, "Medium of Windows 11", "~/win.iso");
    await screen.shows("'~' is not expanded");
    await screen.press("C-u");
    await screen.type("/iso/win.iso");
    await screen.press("Enter");
    await types(screen, "Medium of the virtio drivers", "/iso/virtio.iso");
    await takes(screen, "Size of the disk");
    await types(screen, "vCPUs", "8");
    await screen.shows("at most 4 vCPUs");
    // Back, and another answer: what policy says is told anew.
    await screen.shows(/◆ +Memory/);
    await screen.press("Escape");
    await takes(screen, "Where to");
    await types(screen, "vCPUs", "2");
    await takes(screen, "Memory");
    await screen.shows("Secure Boot and TPM 2.0 are on");
    await screen.shows("Windows 11 Home");
    await screen.press("Down");
    await takes(
      screen,
      "Edition",
      "Language",
      "Keyboard",
      "Time zone",
      "Computer name",
      "Remote Desktop",
      "Diagnostic data",
    );
    await takes(screen, "Login name", "Name in full", "Administrator", "How do they log in", "A network");
    await takes(screen, "Keep a copy", "Name of the copy");
    const review = await screen.shows("Is that what you want");
    assert.match(review, /Edition +Windows 11 Pro/);
    assert.match(review, /vCPUs +2/);
    await screen.press("Down");
    await takes(screen, "Is that what you want");
    await screen.shows("Which one");
    await screen.press("Down");
    await takes(screen, "Which one");
    await types(screen, "Name", "Gate One");
    await screen.shows(/Name +Gate One/);
    await takes(screen, "Is that what you want");
    await screen.shows("/root/old.qcow2 is there already");
    await types(screen, "/root/old.qcow2", "yes");
    await screen.shows("that is not gate-1");
    await screen.press("C-u");
    await screen.type("gate-1");
    await screen.press("Enter");
    await types(screen, "Password of op", "hunter2");
    await types(screen, "Password of op, once more", "hunter3");
    await screen.shows("it is another one");
    await screen.type("hunter2");
    assert.doesNotMatch(await screen.text(), /hunter/);
    await screen.press("Enter");
  });
  // What the program above writes when it has both.
  const { said, password } = result as unknown as { said: WizardResult; password: string };
  const { answers, text } = said;
  assert.deepEqual(parseAnswers(text, "said"), { ok: true, value: answers });
  assert.equal(password, "hunter2");
  assert.deepEqual(answers.guest, {
    type: "windows",
    name: "Gate One",
    vcpu: 2,
    memory_mib: 4096,
    profile: "default-windows",
  });
  assert.equal(answers.type === "windows" && answers.windows.edition, "Windows 11 Pro");
  assert.deepEqual(answers.user, { name: "op", administrator: true, password: { from: "prompt" } });
});

Deno.test("who leaves has done nothing, by Ctrl-C twice or by the list", async () => {
  for (const leave of [["C-c"], ["Down", "Enter"]]) {
    const result = await inTerminal(async (screen) => {
      await screen.shows(/◆ +Kind/);
      await screen.press("C-c");
      await screen.shows(/◆ +Where to/);
      await screen.press(...leave);
    });
    assert.deepEqual(result, { said: "cancelled" });
  }
});

Deno.test("without a terminal nothing is asked, and the answers file is named", async () => {
  const terminal = {
    out() {},
    err() {},
    outIsTerminal: true,
    errIsTerminal: true,
    inIsTerminal: false,
    columns: 80,
  };
  const error = await askAnswers({ terminal }, { id: "a" }).then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof Failure);
  assert.deepEqual([error.code, error.problem.hint], [
    "usage",
    "give the answers in a file: --answers FILE.toml",
  ]);
});
