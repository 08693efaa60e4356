/** The root component: the model in, a frame out. */
import { Box } from "ink";
import type { ReactNode } from "react";
import { Banners } from "./components/banner.tsx";
import { Footer } from "./components/footer.tsx";
import { OverlayView } from "./components/overlay.tsx";
import { Line, PrefsContext, Say } from "./components/say.tsx";
import { Toasts } from "./components/toasts.tsx";
import type { Model, ScreenId } from "./model.ts";
import type { AllScreens } from "./screens/all.ts";
import { bannersOf, tabSpans, titleSpans } from "./title.ts";

export const MIN_COLUMNS = 60;
export const MIN_ROWS = 16;

export interface AppProps {
  readonly model: Model;
  readonly screens: AllScreens;
}

export function App({ model, screens }: AppProps): ReactNode {
  const { columns, rows } = model.size;
  return (
    <PrefsContext.Provider value={model.prefs}>
      {columns < MIN_COLUMNS || rows < MIN_ROWS
        ? <TooSmall columns={columns} rows={rows} />
        : model.prefs.screenReader
        ? <Spoken model={model} screens={screens} />
        : <Framed model={model} screens={screens} />}
    </PrefsContext.Provider>
  );
}

function Framed({ model, screens }: AppProps) {
  const { columns, rows } = model.size;
  const banners = bannersOf(model);
  const top = model.overlays.at(-1);
  // Title, tabs, a line between, footer.
  const height = rows - 4 - banners.length - model.toasts.length;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Line spans={titleSpans(model, columns)} width={columns} />
      <Line spans={tabSpans(model, screens, columns)} width={columns} />
      <Banners banners={banners} width={columns} />
      <Rule width={columns} />
      <Box flexDirection="column" width={columns} height={height} overflow="hidden">
        <Body model={model} screens={screens} id={model.screen} columns={columns} rows={height} />
        {top
          ? <OverlayView model={model} screens={screens} top={top} columns={columns} rows={height} />
          : null}
      </Box>
      <Toasts toasts={model.toasts} width={columns} />
      <Footer model={model} screens={screens} width={columns} />
    </Box>
  );
}

/** For a screen reader: lines in reading order, no frames; an open overlay instead of the screen below it. */
function Spoken({ model, screens }: AppProps) {
  const { columns, rows } = model.size;
  const top = model.overlays.at(-1);
  const height = rows - 3 - model.toasts.length;
  return (
    <Box flexDirection="column" width={columns}>
      <Line spans={titleSpans(model, columns)} width={columns} />
      <Banners banners={bannersOf(model)} width={columns} />
      <Say>{`Screen: ${screens[model.screen].title}`}</Say>
      {top
        ? <OverlayView model={model} screens={screens} top={top} columns={columns} rows={height} />
        : <Body model={model} screens={screens} id={model.screen} columns={columns} rows={height} />}
      <Toasts toasts={model.toasts} width={columns} />
      <Footer model={model} screens={screens} width={columns} />
    </Box>
  );
}

function Body({ model, screens, id, columns, rows }: AppProps & {
  readonly id: ScreenId;
  readonly columns: number;
  readonly rows: number;
}) {
  const { View } = screens[id];
  return <View model={model} columns={columns} rows={rows} />;
}

function Rule({ width }: { readonly width: number }) {
  return <Line spans={[]} width={width} />;
}

function TooSmall({ columns, rows }: { readonly columns: number; readonly rows: number }) {
  return (
    <Box flexDirection="column">
      <Say tone="strong">{`Too small: ${columns}x${rows}`}</Say>
      <Say>{`rayvisor needs ${MIN_COLUMNS}x${MIN_ROWS}`}</Say>
      <Say>Ctrl-C quits</Say>
    </Box>
  );
}
