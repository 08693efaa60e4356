/**
 * The terminal library's part: keys and pasted text come in through it, the terminal is handed to others by it, and for a screen
 * reader it writes the lines. What is drawn is not laid out by it (`paint.ts`).
 */
import { Box, type Instance, render, Text, useApp, useInput, usePaste } from "ink";
import { type ReactNode, useEffect } from "react";
import { unseenScreen } from "../src/ports/screen.ts";
import { keysOf } from "./input.ts";
import type { Key } from "./key.ts";

/** Lets somebody else have the terminal until it resolves: no keys are read, and it is as the shell left it. */
export type HandOver = (use: () => Promise<void>) => Promise<void>;

export interface Terminal {
  readonly handOver: HandOver;
  /** Writes lines for a screen reader, in place of those before. */
  readonly speak: (lines: readonly string[]) => void;
  /** Resolves when it is closed; rejects when the library failed. */
  readonly ended: Promise<unknown>;
  readonly close: () => Promise<void>;
}

export interface TerminalOptions {
  readonly onKey: (key: Key) => void;
  readonly screenReader: boolean;
}

/** Resolves when keys are read. */
export async function openTerminal({ onKey, screenReader }: TerminalOptions): Promise<Terminal> {
  const ready = Promise.withResolvers<HandOver>();
  const tree = (lines: readonly string[]) => (
    <>
      <Keys onKey={onKey} onReady={ready.resolve} />
      <Lines lines={lines} />
    </>
  );
  const instance: Instance = render(tree([]), {
    ...(screenReader ? {} : { stdout: unseenScreen() }),
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    isScreenReaderEnabled: screenReader,
  });
  const ended = instance.waitUntilExit();
  const handOver = await Promise.race([ready.promise, ended.then(() => ready.promise)]);
  return {
    handOver,
    ended,
    speak: (lines) => instance.rerender(tree(lines)),
    close: async () => {
      try {
        instance.unmount();
        await ended.catch(() => {});
      } catch { /* the terminal is gone */ }
    },
  };
}

/** The one place where keys come in. */
function Keys({ onKey, onReady }: {
  readonly onKey: (key: Key) => void;
  readonly onReady: (handOver: HandOver) => void;
}): ReactNode {
  const { suspendTerminal } = useApp();
  useEffect(() => onReady((use) => suspendTerminal(use)), [onReady, suspendTerminal]);
  useInput((input, key) => {
    for (const one of keysOf(input, key)) onKey(one);
  });
  usePaste((text) => onKey({ text }));
  return null;
}

function Lines({ lines }: { readonly lines: readonly string[] }): ReactNode {
  return <Box flexDirection="column">{lines.map((line, i) => <Text key={i}>{line}</Text>)}</Box>;
}
