/**
 * What a domain of libvirt's can't hold of a guest, kept in its metadata: the registry's record, and how it was written into the
 * domain. An import takes of it what the domain does not say otherwise by then.
 */
import { isObject } from "../core/json.ts";
import type { VmRecord } from "../../registry/types.ts";
import { parseRecord } from "../../registry/schema.ts";

/** Namespace of the element; libvirt keeps elements of foreign namespaces as they are. */
export const KEPT_NAMESPACE = "urn:rayos:rayvisor:guest:0";
export const KEPT_ELEMENT = "guest";

/** How what the record asks for stands in the domain. */
export interface Kept {
  readonly record: VmRecord;
  /** Data root that the domain's paths lie in. */
  readonly root: string;
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly machine: string;
  /** File of UEFI variables that the domain names. */
  readonly nvram?: string;
}

/** As text of ASCII alone, so that XML holds every character of it. */
export function keptText(kept: Kept): string {
  return JSON.stringify(kept).replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The element's text read again; undefined when it is not what {@link keptText} writes. */
export function parseKept(text: string): Kept | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { root, vcpu, memoryMib, machine, nvram } = value;
  if (typeof root !== "string" || typeof machine !== "string") return undefined;
  if (typeof vcpu !== "number" || typeof memoryMib !== "number") return undefined;
  const record = parseRecord(value["record"], "record");
  if (!record.ok) return undefined;
  return {
    record: record.value,
    root,
    vcpu,
    memoryMib,
    machine,
    ...(typeof nvram === "string" ? { nvram } : {}),
  };
}
