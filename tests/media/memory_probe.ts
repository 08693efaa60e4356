// deno-lint-ignore-file no-console -- a program for a test
/**
 * Inspects a small medium and another one, and prints by how many KiB that one made this process grow at most. A program of its
 * own, because a test grows for reasons of its own.
 */
import { inspectMedium } from "../../src/media/inspect.ts";

const [small = "", file = ""] = Deno.args;
/** Largest resident size so far, in KiB. proc(5) */
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);

await inspectMedium(small);
const before = peak();
const { problems, warnings } = await inspectMedium(file);
console.log(
  JSON.stringify({ grown_kib: peak() - before, codes: [...problems, ...warnings].map((one) => one.code) }),
);
