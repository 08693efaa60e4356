/** Standard streams, arguments, environment and signals of this process. */

export interface Terminal {
  /** Writes all of `text` to standard output. A reader that went away (EPIPE) ends the process quietly, as `head` does. */
  out(text: string): void;
  /** Writes all of `text` to standard error, as far as somebody reads it: that nobody does is no reason to fail or to end. */
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly inIsTerminal: boolean;
  /** Width of the terminal in columns; 80 where there is none. */
  readonly columns: number;
}

const utf8 = new TextEncoder();

function writeAllSync(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const bytes = utf8.encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/**
 * Writes one line for whoever started this program and waits for it on standard output; false when that one is gone (it was
 * killed, say), which is no reason to end.
 */
export function tellStarter(line: string): boolean {
  try {
    writeAllSync(Deno.stdout, line + "\n");
    return true;
  } catch {
    return false;
  }
}

/** What whoever started this program writes to its standard input, as it comes; ends when that one is gone. */
export async function* fromStarter(): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  while (true) {
    const count = await Deno.stdin.read(buffer).catch(() => null);
    if (count === null) return;
    yield decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

export const systemTerminal: Terminal = {
  out(text) {
    try {
      writeAllSync(Deno.stdout, text);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
      throw error;
    }
  },
  err(text) {
    try {
      writeAllSync(Deno.stderr, text);
    } catch { /* a pipe without a reader, a terminal that is gone */ }
  },
  get outIsTerminal() {
    return Deno.stdout.isTerminal();
  },
  get errIsTerminal() {
    return Deno.stderr.isTerminal();
  },
  get inIsTerminal() {
    return Deno.stdin.isTerminal();
  },
  get columns() {
    try {
      return Deno.consoleSize().columns;
    } catch {
      return 80;
    }
  },
};

/** An environment variable, or undefined; also when this program has no right to read it. */
export function envVar(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch {
    return undefined;
  }
}

/** Calls `handler` on a signal; the returned function ends it. */
export function onSignal(signal: Deno.Signal, handler: () => void): () => void {
  Deno.addSignalListener(signal, handler);
  return () => Deno.removeSignalListener(signal, handler);
}

export const processId = Deno.pid;
