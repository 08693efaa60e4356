// deno-lint-ignore-file no-console -- a program for the terminal
/** `deno task bench:tui`: what the terminal UI costs, against its goals. Usage: tui_main.ts [--short] [--json]. */
import { withPlace } from "./place.ts";
import { benchTui } from "./tui.ts";
import { tuiText } from "./tui_report.ts";

const isShort = Deno.args.includes("--short");
const report = await withPlace((place) =>
  benchTui(place, {
    guests: 200,
    changesPerSecond: 10,
    seconds: isShort ? 10 : 45,
    memorySeconds: isShort ? 10 : 180,
    keys: isShort ? 30 : 100,
    starts: isShort ? 5 : 15,
  })
);
console.log(Deno.args.includes("--json") ? JSON.stringify(report) : tuiText(report));
