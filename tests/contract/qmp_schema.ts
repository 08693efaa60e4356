/**
 * QEMU's own description of QMP (`query-qmp-schema`), reduced to what the table of commands and events can be checked
 * against, and that check. Source: QEMU docs/devel/qapi-code-gen.rst, "Client JSON Protocol introspection".
 */
import { z } from "zod";
import { isObject } from "../../src/core/json.ts";

/** A type: a name of `types`, `[name]` for a list, or one of JSON's own (`string`, `int`, `boolean`, `value`, ...). */
type TypeRef = string;

export interface ReducedType {
  /** Members by wire name, those of all variants too. A `?` at the end: optional; `A|B`: depends on the variant. */
  readonly members?: Readonly<Record<string, TypeRef>>;
  readonly values?: readonly string[];
  /** An alternate: any of these. */
  readonly anyOf?: readonly TypeRef[];
}

export interface ReducedSchema {
  readonly qemu: string;
  /** The build that it was recorded from, as QEMU names it. */
  readonly package: string;
  readonly commands: Readonly<Record<string, { readonly args: TypeRef; readonly returns: TypeRef }>>;
  readonly events: Readonly<Record<string, TypeRef>>;
  readonly types: Readonly<Record<string, ReducedType>>;
}

const member = z.object({ name: z.string(), type: z.string(), default: z.unknown().optional() });
const entry = z.discriminatedUnion("meta-type", [
  z.object({ name: z.string(), "meta-type": z.literal("builtin"), "json-type": z.string() }),
  z.object({ name: z.string(), "meta-type": z.literal("enum"), values: z.array(z.string()) }),
  z.object({ name: z.string(), "meta-type": z.literal("array"), "element-type": z.string() }),
  z.object({
    name: z.string(),
    "meta-type": z.literal("object"),
    members: z.array(member),
    variants: z.array(z.object({ case: z.string(), type: z.string() })).optional(),
  }),
  z.object({
    name: z.string(),
    "meta-type": z.literal("alternate"),
    members: z.array(z.object({ type: z.string() })),
  }),
  z.object({
    name: z.string(),
    "meta-type": z.literal("command"),
    "arg-type": z.string(),
    "ret-type": z.string(),
  }),
  z.object({ name: z.string(), "meta-type": z.literal("event"), "arg-type": z.string() }),
]);
type Entry = z.infer<typeof entry>;
const OPTIONAL = "?";

/** Keeps the commands and events that `wanted` names, and the types that they reach. */
export function reduceSchema(
  raw: unknown,
  wanted: { qemu: string; package: string; commands: readonly string[]; events: readonly string[] },
): ReducedSchema {
  const entries = new Map(z.array(entry).parse(raw).map((e) => [e.name, e]));
  const types = new Map<string, ReducedType>();
  const reduce = (name: string): TypeRef => {
    const found = entries.get(name);
    if (!found) throw new Error(`the schema names no type ${name}`);
    if (found["meta-type"] === "builtin") return found["json-type"];
    if (found["meta-type"] === "array") return `[${reduce(found["element-type"])}]`;
    if (types.has(name)) return name;
    types.set(name, {}); // before its members: types may contain themselves
    types.set(name, reduceType(found, reduce, entries));
    return name;
  };
  const commands: Record<string, { args: TypeRef; returns: TypeRef }> = {};
  for (const name of [...wanted.commands].sort()) {
    const found = entries.get(name);
    if (found?.["meta-type"] !== "command") continue;
    commands[name] = { args: reduce(found["arg-type"]), returns: reduce(found["ret-type"]) };
  }
  const events: Record<string, TypeRef> = {};
  for (const name of [...wanted.events].sort()) {
    const found = entries.get(name);
    if (found?.["meta-type"] === "event") events[name] = reduce(found["arg-type"]);
  }
  return { qemu: wanted.qemu, package: wanted.package, commands, events, types: Object.fromEntries(types) };
}

function reduceType(
  found: Entry,
  reduce: (name: string) => TypeRef,
  entries: ReadonlyMap<string, Entry>,
): ReducedType {
  if (found["meta-type"] === "enum") return { values: found.values };
  if (found["meta-type"] === "alternate") return { anyOf: found.members.map((m) => reduce(m.type)) };
  if (found["meta-type"] !== "object") throw new Error(`${found.name} is no type`);
  const members: Record<string, TypeRef> = {};
  for (const m of found.members) members[m.name] = reduce(m.type) + ("default" in m ? OPTIONAL : "");
  for (const variant of found.variants ?? []) {
    const body = entries.get(variant.type);
    if (body?.["meta-type"] !== "object") continue;
    for (const m of body.members) {
      const before = members[m.name]?.slice(0, -1).split("|") ?? [];
      members[m.name] = [...new Set([...before, reduce(m.type)])].join("|") + OPTIONAL;
    }
  }
  return { members };
}

/** What the zod type says that the schema does not know, as `command.member.member: what`. */
export function compare(
  schema: ReducedSchema,
  type: z.ZodType,
  ref: TypeRef,
  path: string,
  direction: "sent" | "received",
): string[] {
  const plain = ref.endsWith(OPTIONAL) ? ref.slice(0, -1) : ref;
  const inner = unwrap(type);
  if (inner instanceof z.ZodUnknown || plain === "value") return [];
  if (inner instanceof z.ZodArray) {
    if (!plain.startsWith("[")) return [`${path}: is no list`];
    return compare(schema, asType(inner.element), plain.slice(1, -1), `${path}[]`, direction);
  }
  if (inner instanceof z.ZodUnion) {
    return inner.options.flatMap((option) => compare(schema, asType(option), ref, path, direction));
  }
  const known = schema.types[plain];
  const alternatives = known?.anyOf ?? (plain.includes("|") ? plain.split("|") : undefined);
  if (alternatives) {
    // One of them has to fit.
    const tries = alternatives.map((one) => compare(schema, inner, one, path, direction));
    const nearest = tries.sort((a, b) => a.length - b.length)[0] ?? [];
    return nearest.map((problem) => `${problem} (in the variant that fits best)`);
  }
  if (inner instanceof z.ZodObject) return compareObject(schema, inner, known, path, direction);
  return compareLeaf(inner, known, plain, path);
}

function compareObject(
  schema: ReducedSchema,
  type: z.ZodObject,
  known: ReducedType | undefined,
  path: string,
  direction: "sent" | "received",
): string[] {
  if (!known?.members) return [`${path}: is no object`];
  const out: string[] = [];
  for (const [name, part] of Object.entries(type.shape)) {
    const ref = Object.hasOwn(known.members, name) ? known.members[name] : undefined;
    if (ref === undefined) {
      out.push(`${path}.${name}: no such member`);
      continue;
    }
    const optional = asType(part).safeParse(undefined).success;
    if (direction === "received" && ref.endsWith(OPTIONAL) && !optional) {
      out.push(`${path}.${name}: may be missing in an answer`);
    }
    out.push(...compare(schema, asType(part), ref, `${path}.${name}`, direction));
  }
  if (direction === "received") return out;
  for (const [name, ref] of Object.entries(known.members)) {
    if (!ref.endsWith(OPTIONAL) && !(name in type.shape)) out.push(`${path}.${name}: QEMU needs this member`);
  }
  return out;
}

function compareLeaf(
  type: z.ZodType,
  known: ReducedType | undefined,
  plain: string,
  path: string,
): string[] {
  if (type instanceof z.ZodEnum || type instanceof z.ZodLiteral) {
    if (plain === "string") return []; // narrower than what QEMU takes
    const used = type instanceof z.ZodEnum ? type.options : [...type.values];
    const values = new Set<unknown>(known?.values ?? []);
    return used.filter((v) => v !== "unknown" && !values.has(v)).map((v) => `${path}: no value ${String(v)}`);
  }
  const expected = known?.values ? "string" : plain;
  if (type instanceof z.ZodString && expected !== "string") return [`${path}: is ${expected}, not a string`];
  if (type instanceof z.ZodBoolean && expected !== "boolean") {
    return [`${path}: is ${expected}, not a boolean`];
  }
  if (type instanceof z.ZodNumber && expected !== "int" && expected !== "number") {
    return [`${path}: is ${expected}, not a number`];
  }
  return [];
}

function unwrap(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodOptional || type instanceof z.ZodNullable || type instanceof z.ZodCatch) {
    return unwrap(asType(type.unwrap()));
  }
  return type;
}

/** zod's inner types are typed as its core's; all of ours are made by the full package. */
function asType(type: unknown): z.ZodType {
  if (type instanceof z.ZodType) return type;
  throw new Error("not a zod type");
}

/** The reduced schema in a text that is read as JSON. */
export function parseReduced(text: string): ReducedSchema {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || !isObject(value.commands)) throw new Error("not a reduced schema");
  return value as unknown as ReducedSchema; // a file that record_qmp_schema.ts wrote
}

/** Everything in the tables of commands and events that the schema does not know; empty when all is well. */
export function checkTables(
  schema: ReducedSchema,
  commands: Readonly<Record<string, { readonly args: z.ZodType; readonly returns: z.ZodType }>>,
  events: Readonly<Record<string, z.ZodType>>,
): string[] {
  const out: string[] = [];
  for (const [name, { args, returns }] of Object.entries(commands)) {
    const known = Object.hasOwn(schema.commands, name) ? schema.commands[name] : undefined;
    if (!known) {
      out.push(`${name}: no such command`);
      continue;
    }
    out.push(...compare(schema, args, known.args, `${name}(`, "sent"));
    out.push(...compare(schema, returns, known.returns, `${name} ->`, "received"));
  }
  for (const [name, data] of Object.entries(events)) {
    const known = Object.hasOwn(schema.events, name) ? schema.events[name] : undefined;
    if (known === undefined) out.push(`${name}: no such event`);
    else out.push(...compare(schema, data, known, name, "received"));
  }
  return out;
}
