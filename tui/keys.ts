/** The one key table: the rows of the shell, then those of the screen that is shown. Help, palette and footer come from it. */
import { type Key, nameOf } from "./key.ts";
import type { Message } from "./messages.ts";
import { type Effect, type Model, type ScreenId, SCREENS } from "./model.ts";
import type { KeyRow } from "./screen.ts";
import type { AllScreens } from "./screens/all.ts";

/** Keys that work on every screen. */
export function shellRows(screens: AllScreens): readonly KeyRow[] {
  return [
    {
      keys: ["R"],
      title: "Connect again",
      footer: true,
      disabled: ({ connection }) => connection.kind === "lost" ? undefined : "the supervisor answers",
      run: () => [{ type: "do", effects: [{ do: "reconnect" }] }],
    },
    {
      keys: ["?"],
      title: "Help",
      footer: true,
      run: () => [{ type: "open", overlay: { kind: "help", scroll: 0 } }],
    },
    {
      keys: [":"],
      title: "Commands",
      footer: true,
      run: () => [{ type: "open", overlay: { kind: "palette", text: "", at: 0 } }],
    },
    {
      keys: ["J"],
      title: "Jobs",
      footer: true,
      run: () => [{ type: "open", overlay: { kind: "jobs", at: 0 } }],
    },
    ...SCREENS.map((screen, i): KeyRow => ({
      keys: [String(i + 1)],
      title: `Show ${screens[screen].title.toLowerCase()}`,
      run: () => [{ type: "show", screen }],
    })),
    { keys: ["tab"], title: "Next screen", run: (model) => [{ type: "show", screen: beside(model, 1) }] },
    {
      keys: ["shift-tab"],
      title: "Screen before",
      run: (model) => [{ type: "show", screen: beside(model, -1) }],
    },
    { keys: ["ctrl-l"], title: "Draw anew", run: () => [{ type: "do", effects: [{ do: "redraw" }] }] },
    {
      keys: ["ctrl-z"],
      title: "Put into the background",
      run: () => [{ type: "do", effects: [{ do: "suspend" }] }],
    },
    {
      keys: ["q", "ctrl-c"],
      title: "Quit",
      footer: true,
      typing: "Quit",
      run: (model) => quitting(model, screens),
    },
  ];
}

const QUIT: readonly Effect[] = [{ do: "quit" }];

/** Asks once where something would be lost; the same key again is an answer, for whoever is in a hurry. */
function quitting(model: Model, screens: AllScreens): readonly Message[] {
  const lost = SCREENS.flatMap((id) => unsavedOf(model, id, screens) ?? []);
  const top = model.overlays.at(-1);
  const isAsked = top?.kind === "confirm" && top.then === QUIT;
  if (lost.length === 0 || isAsked) return [{ type: "do", effects: QUIT }];
  return [{ type: "open", overlay: { kind: "confirm", title: "Quit?", lines: lost, then: QUIT } }];
}

function unsavedOf<K extends ScreenId>(model: Model, id: K, screens: AllScreens): string | undefined {
  return screens[id].unsaved?.(model.screens[id]);
}

/** All rows that hold now; of a read-only UI those that change nothing. The screen's come first in the footer. */
export function rowsOf(model: Model, screens: AllScreens): readonly KeyRow[] {
  const rows = [...screens[model.screen].keys, ...shellRows(screens)];
  return model.prefs.readOnly ? rows.filter((row) => !row.changes) : rows;
}

export function isTyping<K extends ScreenId>(model: Model, id: K, screens: AllScreens): boolean {
  return screens[id].typing?.(model.screens[id]) ?? false;
}

/** Keys that work while text is typed: those that no text has. */
const ALWAYS = new Set(["ctrl-c", "ctrl-z", "ctrl-l"]);

export function rowFor(model: Model, screens: AllScreens, key: Key, typing: boolean): KeyRow | undefined {
  const name = nameOf(key);
  if (name === undefined || (typing && !ALWAYS.has(name))) return undefined;
  const rows = typing ? shellRows(screens) : rowsOf(model, screens);
  return rows.find((row) => row.keys.includes(name));
}

function beside({ screen }: Model, by: 1 | -1): ScreenId {
  const at = SCREENS.indexOf(screen) + by;
  return SCREENS[(at + SCREENS.length) % SCREENS.length] ?? screen;
}

const ARROWS: Readonly<Record<string, string>> = {
  "up": "↑",
  "down": "↓",
  "left": "←",
  "right": "→",
};

const NAMED: Readonly<Record<string, string>> = {
  "page-up": "PgUp",
  "page-down": "PgDn",
  "shift-tab": "Shift-Tab",
};

/** A key as people read it. */
export function shownKey(name: string, unicode: boolean): string {
  const known = NAMED[name] ?? (unicode ? ARROWS[name] : undefined);
  if (known !== undefined) return known;
  if (name.startsWith("ctrl-")) return `Ctrl-${name.slice(5).toUpperCase()}`;
  return name.length === 1 ? name : name.charAt(0).toUpperCase() + name.slice(1);
}
