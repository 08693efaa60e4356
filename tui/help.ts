/** Help, made of the key table. Pure. */
import { shellRows, shownKey } from "./keys.ts";
import type { Span } from "./line.ts";
import type { Model } from "./model.ts";
import type { KeyRow } from "./screen.ts";
import type { AllScreens } from "./screens/all.ts";
import { fit } from "./text.ts";
import { marksOf } from "./theme.ts";

const KEY_COLUMNS = 14;

export function helpLines(model: Model, screens: AllScreens, columns: number): Span[][] {
  const { title, keys } = screens[model.screen];
  return [
    ...(keys.length > 0 ? [...section(model, title, keys, columns), []] : []),
    ...section(model, "Everywhere", shellRows(screens), columns),
    [],
    [{ text: "Lists: arrows or j and k, PgUp, PgDn, Home, End.", tone: "dim" }],
  ];
}

/** Rows that can't be used now say why. */
function section(model: Model, title: string, rows: readonly KeyRow[], columns: number): Span[][] {
  const { more } = marksOf(model.prefs);
  const shown = model.prefs.readOnly ? rows.filter((row) => !row.changes) : rows;
  return [
    [{ text: title, tone: "strong" }],
    ...shown.map((row): Span[] => {
      const keys = row.keys.map((key) => shownKey(key, model.prefs.unicode)).join(" ");
      const why = row.disabled?.(model);
      const said = why === undefined ? row.title : `${row.title} (${why})`;
      return [
        { text: fit(keys, KEY_COLUMNS), tone: why === undefined ? "accent" : "dim" },
        {
          text: fit(said, columns - KEY_COLUMNS, "left", more).trimEnd(),
          tone: why === undefined ? "plain" : "dim",
        },
      ];
    }),
  ];
}
