/** What lies over the screen: a panel in its middle. */
import { Box } from "ink";
import type { Model, Overlay } from "../model.ts";
import { overlayContent } from "../overlay_content.ts";
import type { AllScreens } from "../screens/all.ts";
import { FRAME_COLUMNS, FRAME_ROWS, Panel } from "./panel.tsx";

export function OverlayView({ model, screens, top, columns, rows }: {
  readonly model: Model;
  readonly screens: AllScreens;
  readonly top: Overlay;
  readonly columns: number;
  readonly rows: number;
}) {
  const room = { columns: columns - FRAME_COLUMNS - 2, rows: rows - FRAME_ROWS };
  const { title, lines, columns: wide, tone } = overlayContent(model, screens, top, room);
  const width = wide + FRAME_COLUMNS, height = Math.min(rows, lines.length + FRAME_ROWS);
  const panel = <Panel title={title} width={width} height={height} lines={lines} tone={tone} />;
  if (model.prefs.screenReader) return panel;
  return (
    <Box
      position="absolute"
      top={Math.max(0, Math.floor((rows - height) / 3))}
      left={Math.max(0, Math.floor((columns - width) / 2))}
    >
      {panel}
    </Box>
  );
}
