/**
 * Text of QEMU options.
 *
 * `-blockdev`, `-device`, `-netdev` and `-object` are given as JSON: there a value can't end its option early, numbers
 * and booleans keep their types, and the argument is the same document that QMP's blockdev-add, device_add, netdev_add
 * and object-add take. QEMU 7.2 reads JSON for these four; `-machine`, `-cpu`, `-chardev`, `-mon`, `-name`, `-tpmdev` and the rest
 * know the classic `key=value,...` syntax only, where a comma inside a value is written twice.
 */
import type { JsonObject } from "../core/json.ts";
import { fail } from "../core/problem.ts";

/** A program with its arguments and its whole environment. */
export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** `value` as it stands after `key=`: commas doubled. A control character is refused (Failure `usage`). */
export function optionValue(value: string): string {
  return checkText(value).replaceAll(",", ",,");
}

/** `first,key=value,...` in QEMU's classic syntax; members that are undefined are left out. */
export function classicOption(
  first: string | undefined,
  members: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const parts = Object.entries(members)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) =>
      `${key}=${typeof value === "boolean" ? onOff(value) : optionValue(String(value))}`
    );
  return [...(first === undefined ? [] : [optionValue(first)]), ...parts].join(",");
}

/** The JSON form. Control characters inside strings are refused here too: no path or id of ours has any. */
export function jsonOption(value: JsonObject): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === "string") checkText(member);
    return member;
  });
}

export function onOff(value: boolean): "on" | "off" {
  return value ? "on" : "off";
}

/** Longest node name that QEMU accepts: `char node_name[32]` with its final NUL. */
export const MAX_NODE_NAME = 31;

/** A block node's name; Failure `usage` when QEMU would refuse it. */
export function nodeName(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(name) || name.length > MAX_NODE_NAME) {
    fail(
      "usage",
      `block node name ${JSON.stringify(name)} is not a letter followed by letters, digits, '.', '_', '-'`,
      {
        hint: `at most ${MAX_NODE_NAME} characters`,
      },
    );
  }
  return name;
}

function checkText(value: string): string {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(value)) {
    fail("usage", `a QEMU option can't hold control characters: ${JSON.stringify(value)}`);
  }
  return value;
}
