/** What the tests of the way to a new guest share: the terminal UI on a data root, and its wizard filled in by keys. */
import assert from "node:assert/strict";
import { TmuxScreen } from "../fakes/tmux_screen.ts";
import { GUEST_MEMORY_MIB } from "../guest/recipe.ts";
import { PASSWORD } from "./provision_rig.ts";
import { BINARY } from "./rig.ts";

/** Opens the UI on a data root, and looks that it ends when it is quit; `patienceMs`: how long one screen is waited for. */
export async function inUi(
  root: string,
  use: (screen: TmuxScreen) => Promise<void>,
  patienceMs?: number,
): Promise<void> {
  const env = { NO_COLOR: "1", LANG: "C.UTF-8", TZ: "UTC" };
  const screen = new TmuxScreen([BINARY, "--root", root, "tui"], 110, 40, env, patienceMs);
  try {
    await use(screen);
    await screen.press("q");
    await screen.end();
  } finally {
    await screen.close();
  }
}

/** Waits for each question by its title and answers it, where nothing is given with its default. */
async function answers(
  screen: TmuxScreen,
  ...given: readonly (string | readonly [title: string, text: string])[]
): Promise<void> {
  for (const one of given) {
    const [title, text] = typeof one === "string" ? [one, ""] : one;
    await screen.shows(new RegExp(`^${title.replace("?", "\\?")}(  |$)`, "m"));
    if (text !== "") await screen.type(text);
    await screen.press("Enter");
  }
}

/** From a screen whose `n` makes a new guest to the review of a Linux guest `web`, made from that raw image. */
export async function fillIn(screen: TmuxScreen, image: string): Promise<void> {
  await screen.type("n");
  await answers(screen, ["Id", "web"]);
  await screen.shows("Windows 11");
  await screen.press("Down", "Enter");
  await answers(screen, "Name", "Profile of the policy", ["Cloud image", image]);
  await screen.shows(/^Its format/m);
  await screen.press("Down", "Enter");
  await answers(screen, ["Size of the disk", "256MiB"], "vCPUs", ["Memory, MiB", String(GUEST_MEMORY_MIB)]);
  for (const title of ["Secure Boot?", "TPM 2.0?"]) {
    await screen.shows(title);
    await screen.press("Up", "Enter");
  }
  await answers(screen, "Host name", "Locale", "Time zone", "Keyboard");
  await answers(screen, ["Login name", "op"], "Name in full", "Administrator?", "How do they log in?");
  await answers(screen, "Public key of SSH", "A network while it is installed?");
  await answers(screen, "Keep a copy when it is ready?", "Name of the copy");
  await screen.shows("b begins");
}

/** The password twice, and the yes. */
export async function begin(screen: TmuxScreen): Promise<void> {
  await screen.type("b");
  await screen.shows(/^Password$/m);
  await screen.type(PASSWORD);
  await screen.press("Enter");
  await screen.shows("Password, once more");
  await screen.type(PASSWORD);
  assert.doesNotMatch(await screen.text(), /horse/);
  await screen.press("Enter");
  await screen.shows("Provision web?");
  await screen.type("y");
}
