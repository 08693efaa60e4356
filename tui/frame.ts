/** The whole screen as rows, made of the model: what stands where, and what lies over it. Pure. */
import { bannerRow, bannerText, toastRow } from "./components/notices.ts";
import { FRAME_COLUMNS, FRAME_ROWS, panelRows } from "./components/panel.ts";
import { footerSpans } from "./footer.ts";
import { fitSpans, plainText, type Row, skipSpans } from "./line.ts";
import type { Model, Overlay } from "./model.ts";
import { overlayContent } from "./overlay_content.ts";
import type { AllScreens } from "./screens/all.ts";
import { filled, wrapped } from "./sheet.ts";
import { clean } from "./text.ts";
import { marksOf } from "./theme.ts";
import { bannersOf, tabSpans, titleSpans } from "./title.ts";

export const MIN_COLUMNS = 60;
export const MIN_ROWS = 16;

/** Exactly as many rows as the terminal has; a row may be shorter or longer than it is wide. */
export function frameRows(model: Model, screens: AllScreens): readonly Row[] {
  const { columns, rows } = model.size;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) return filled(tooSmall(columns, rows), rows);
  const top = [
    titleSpans(model, columns),
    tabSpans(model, screens, columns),
    ...bannersOf(model).map((banner) => bannerRow(banner, columns, model.prefs)),
    [],
  ];
  const bottom = [
    ...model.toasts.map((toast) => toastRow(toast, model.prefs)),
    footerSpans(model, screens, columns),
  ];
  const height = rows - top.length - bottom.length;
  const body = filled(viewOf(model, screens, columns, height), height);
  const overlay = model.overlays.at(-1);
  return [...top, ...overlay ? covered(body, overlay, model, screens) : body, ...bottom];
}

/** For a screen reader: lines in reading order, no frames; an open overlay instead of the screen below it. */
export function spokenLines(model: Model, screens: AllScreens): readonly string[] {
  const { columns, rows } = model.size;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) return spoken(tooSmall(columns, rows));
  const overlay = model.overlays.at(-1);
  const height = rows - 3 - model.toasts.length;
  const open = overlay && overlayContent(model, screens, overlay, { columns, rows: height });
  return spoken([
    titleSpans(model, columns),
    ...bannersOf(model).map((banner) => [bannerText(banner)]),
    [`Screen: ${screens[model.screen].title}`],
    ...open ? [[open.title], ...open.lines] : viewOf(model, screens, columns, height),
    ...model.toasts.map((toast) => toastRow(toast, model.prefs)),
    footerSpans(model, screens, columns),
  ]);
}

function spoken(rows: readonly Row[]): string[] {
  return rows.map((row) => plainText(row).trimEnd());
}

/** What can't be shown says so, and the other screens are there: a supervisor of another version may send what is not expected. */
function viewOf(model: Model, screens: AllScreens, columns: number, rows: number): readonly Row[] {
  try {
    return screens[model.screen].view(model, columns, rows).slice(0, rows);
  } catch (error) {
    const why = clean(error instanceof Error ? error.message : String(error));
    return [
      ...wrapped(`${marksOf(model.prefs).bad} This screen can't be shown: ${why}`, columns, "bad"),
      ...wrapped("Is the supervisor of another version? The other screens are there, and q quits.", columns),
    ];
  }
}

/** The body with a panel over its middle. */
function covered(body: readonly Row[], overlay: Overlay, model: Model, screens: AllScreens): Row[] {
  const { columns } = model.size, rows = body.length;
  const room = { columns: columns - FRAME_COLUMNS - 2, rows: rows - FRAME_ROWS };
  const { title, lines, columns: wide, tone } = overlayContent(model, screens, overlay, room);
  const width = wide + FRAME_COLUMNS, height = Math.min(rows, lines.length + FRAME_ROWS);
  const panel = panelRows({ title, width, height, rows: lines, tone }, model.prefs);
  const top = Math.max(0, Math.floor((rows - height) / 3));
  const left = Math.max(0, Math.floor((columns - width) / 2));
  const { more } = marksOf(model.prefs);
  return body.map((row, y) => {
    const over = panel[y - top];
    if (over === undefined) return row;
    const below = fitSpans(row, columns, more);
    return [...fitSpans(below, left, ""), ...over, ...skipSpans(below, left + width)];
  });
}

function tooSmall(columns: number, rows: number): Row[] {
  return [
    [{ text: `Too small: ${columns}x${rows}`, tone: "strong" }],
    [`rayvisor needs ${MIN_COLUMNS}x${MIN_ROWS}`],
    ["Ctrl-C quits"],
  ];
}
