/** The terminal as a screen: its size, its signals, and giving it back to the shell for a while. */
import process from "node:process";
import { Writable } from "node:stream";
import { PLAIN_ENV } from "./processes.ts";

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const FALLBACK: ScreenSize = { columns: 80, rows: 24 };

export function screenSize(): ScreenSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : FALLBACK;
  } catch {
    return FALLBACK;
  }
}

/** Calls `handler` with the new size after each SIGWINCH; the returned function ends it. */
export function onScreenResize(handler: (size: ScreenSize) => void): () => void {
  const listener = () => handler(screenSize());
  Deno.addSignalListener("SIGWINCH", listener);
  return () => Deno.removeSignalListener("SIGWINCH", listener);
}

/** Signals that ask for an end: of the operator, a service manager, a connection that is cut. */
export type EndSignal = "SIGINT" | "SIGTERM" | "SIGHUP";
export const END_SIGNALS: readonly EndSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Calls `handler` on them; the returned function ends it. By Node's way of listening, so that the terminal library sees that
 * somebody listens: else it would send the signal to this process once more, which it has no right to.
 */
export function onEndSignals(handler: (signal: EndSignal) => void): () => void {
  const listeners = END_SIGNALS.map((signal) => [signal, () => handler(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

/**
 * Stops this process as the terminal's Ctrl-Z does (SIGTSTP), and resolves when the shell has let it go on; at once where no
 * shell does job control. By kill(1): this program may send signals by no other way.
 */
export async function stopUntilContinued(): Promise<void> {
  const command = new Deno.Command("kill", {
    args: ["-s", "TSTP", String(Deno.pid)],
    clearEnv: true,
    env: { ...PLAIN_ENV },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  await command.output();
}

/**
 * Writes to the terminal as it is, whatever has become of it; resolves when it has taken all. One that is held up (Ctrl-S, a slow
 * line) takes its time, and holds up nothing else.
 */
export async function writeScreen(text: string): Promise<void> {
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  } catch { /* the terminal is gone */ }
}

/** Keys come one by one and are not echoed, or line by line as a shell has them. */
export function setRawKeys(isRaw: boolean): void {
  try {
    Deno.stdin.setRaw(isRaw);
  } catch { /* the terminal is gone */ }
}

/** Output that nobody sees, for a library that wants a screen to write to. */
export function unseenScreen(): NodeJS.WriteStream {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  return stream as NodeJS.WriteStream; // what a terminal has beyond this is asked for only where `isTTY` is set
}
