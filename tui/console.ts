/** A guest's serial console on the operator's terminal, made harmless piece by piece. */
import { sanitizeText } from "../src/core/sanitize.ts";
import type { Api } from "./link.ts";

/** Longest part of an escape sequence that is waited for. */
const MAX_REST = 4096;

/** What has not ended yet: an escape sequence without its end, a line end of which the second half may follow. */
const UNFINISHED =
  // deno-lint-ignore no-control-regex
  /(?:(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^\x07\x1b\x9c]|\x1b(?!\\))*|(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*|\r)$/;

/** `rest` and `piece` as harmless text, and the new rest: an escape sequence may come in two pieces. Pure. */
export function consolePiece(rest: string, piece: string): { readonly text: string; readonly rest: string } {
  const all = rest + piece;
  const open = UNFINISHED.exec(all);
  const isHeld = open !== null && all.length - open.index <= MAX_REST;
  const whole = isHeld ? all.slice(0, open.index) : all;
  return { text: sanitizeText(whole), rest: isHeld ? all.slice(open.index) : "" };
}

export interface ConsolePorts {
  readonly write: (text: string) => Promise<void>;
  /** Aborts when the operator leaves. */
  readonly left: AbortSignal;
}

/** Until the operator leaves, the guest ends or the supervisor is gone. */
export async function showConsole(vm: string, api: Api, { write, left }: ConsolePorts): Promise<void> {
  await write(`Serial console of ${vm}, to be read. Ctrl-C leaves.\n\n`);
  let rest = "";
  for await (const piece of await api.serial(vm, left)) {
    const next = consolePiece(rest, piece);
    rest = next.rest;
    if (next.text !== "") await write(next.text);
  }
  if (!left.aborted) await write("\nThe console has ended.\n");
}
