/**
 * What a QEMU binary can do, by asking it: one short-lived `-machine none` process with all questions on its standard input
 * (QMP over stdio), in about 0.1 s. Versions are never compared.
 */
import { fail, Failure } from "../core/problem.ts";
import { isObject } from "../core/json.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import type { CpuModel, MachineType, QemuCapabilities } from "../host/capabilities.ts";
import { fileFacts, findProgram } from "../ports/folders.ts";
import { PLAIN_ENV, run } from "../ports/processes.ts";

interface Question {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

const QUESTIONS = {
  version: { execute: "query-version" },
  machines: { execute: "query-machines" },
  // The abstract type that all PC machines are made from: its properties are their `-machine` options.
  machineProperties: { execute: "qom-list-properties", arguments: { typename: "generic-pc-machine" } },
  devices: { execute: "qom-list-types", arguments: { implements: "device", abstract: false } },
  cpuModels: { execute: "query-cpu-definitions" },
  tpmModels: { execute: "query-tpm-models" },
  tpmTypes: { execute: "query-tpm-types" },
  options: { execute: "query-command-line-options" },
  schema: { execute: "query-qmp-schema" },
} as const satisfies Record<string, Question>;

/** Text for a QMP monitor on standard input: handshake, the questions with their names as ids, `quit`. */
export function qmpScript(questions: Readonly<Record<string, Question>>): string {
  return [
    { execute: "qmp_capabilities" },
    ...Object.entries(questions).map(([id, question]) => ({ ...question, id })),
  ].map((line) => JSON.stringify(line) + "\n").join("");
}

/** What QEMU says to a script, as it comes. Lines that are no JSON are left out. */
export class QmpAnswers {
  /** The `return` values by id. */
  readonly answers = new Map<string, unknown>();
  readonly #open: Set<string>;
  #rest = "";

  constructor(questions: Readonly<Record<string, Question>>) {
    this.#open = new Set(Object.keys(questions));
  }

  /** Whether every question has its answer, which may be an error. */
  get complete(): boolean {
    return this.#open.size === 0;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return;
    }
    if (!isObject(value) || typeof value["id"] !== "string") return;
    if ("return" in value) this.answers.set(value["id"], value["return"]);
    this.#open.delete(value["id"]);
  }
}

/** Pure: capabilities from the answers, or undefined when one that everything needs is not there. */
export function parseCapabilities(
  program: string,
  answers: ReadonlyMap<string, unknown>,
): QemuCapabilities | undefined {
  const about = answers.get("version");
  const version = isObject(about) ? about["qemu"] : undefined;
  const machines = objects(answers.get("machines")).map(machineType).filter((m) => m !== undefined);
  if (!isObject(about) || !isObject(version) || machines.length === 0) return undefined;
  const schema = answers.get("schema");
  return {
    program,
    version: { major: int(version["major"]), minor: int(version["minor"]), micro: int(version["micro"]) },
    package: typeof about["package"] === "string" ? about["package"] : "",
    machines,
    machineProperties: names(answers.get("machineProperties"), "name"),
    devices: names(answers.get("devices"), "name"),
    cpuModels: cpuModels(answers.get("cpuModels")),
    tpmModels: strings(answers.get("tpmModels")),
    tpmTypes: strings(answers.get("tpmTypes")),
    blockDrivers: variantsOf(schema, "blockdev-add"),
    netdevTypes: variantsOf(schema, "netdev_add"),
    options: names(answers.get("options"), "option"),
  };
}

function machineType(value: Record<string, unknown>): MachineType | undefined {
  const { name, alias } = value;
  if (typeof name !== "string") return undefined;
  return {
    name,
    ...(typeof alias === "string" ? { alias } : {}),
    maxVcpu: int(value["cpu-max"]),
    deprecated: value["deprecated"] === true,
    ramId: typeof value["default-ram-id"] === "string" ? value["default-ram-id"] : "pc.ram",
  };
}

/** The answer of `query-cpu-definitions`. */
export function cpuModels(value: unknown): CpuModel[] {
  return objects(value).flatMap((model) => {
    const name = model["name"];
    return typeof name !== "string" ? [] : [{
      name,
      migrationSafe: model["migration-safe"] === true,
      deprecated: model["deprecated"] === true,
      missing: strings(model["unavailable-features"]),
    }];
  });
}

/** The tags of the union that a command's arguments are, after `query-qmp-schema`: for example all blockdev drivers. */
function variantsOf(schema: unknown, command: string): string[] {
  const entities = objects(schema);
  const argument = entities.find((e) => e["meta-type"] === "command" && e["name"] === command)?.["arg-type"];
  const union = entities.find((e) => e["name"] === argument);
  const tag = objects(union?.["members"]).find((m) => m["name"] === union?.["tag"])?.["type"];
  const values = entities.find((e) => e["name"] === tag);
  // Newer schemas list members as objects, older ones also as plain strings.
  return names(values?.["members"], "name").concat(values?.["members"] ? [] : strings(values?.["values"]))
    .sort();
}

const QUIET_ARGS = ["-nodefaults", "-no-user-config", "-display", "none", "-qmp", "stdio"];
const PROBE_TIMEOUT_MS = 30_000;

/**
 * Starts a short QEMU with `args`, puts the questions to it and gives its answers. It is told to end when it has answered all:
 * one that quits drops what nobody has read of it yet. When `signal` aborts it is ended, and this fails with `cancelled`: it would
 * not end by itself, as the end of its standard input means nothing to it.
 */
export async function askQemu(
  program: string,
  args: readonly string[],
  questions: Readonly<Record<string, Question>>,
  signal?: AbortSignal,
): Promise<{
  answers: ReadonlyMap<string, unknown>;
  /** Whether every question was answered, be it by an error. */
  complete: boolean;
  code: number;
  signal: string | null;
  words: string;
}> {
  const said = new QmpAnswers(questions);
  const answered = Promise.withResolvers<void>();
  const utf8 = new TextEncoder();
  const decoder = new TextDecoder();
  async function* script() {
    yield utf8.encode(qmpScript(questions));
    await answered.promise;
    yield utf8.encode(`${JSON.stringify({ execute: "quit" })}\n`);
  }
  const { code, signal: endedBy, stderr } = await run(program, {
    args: [...QUIET_ARGS, ...args],
    env: PLAIN_ENV,
    stdin: script(),
    timeoutMs: PROBE_TIMEOUT_MS,
    ...(signal ? { signal } : {}),
    onStdout: (chunk) => {
      said.take(decoder.decode(chunk, { stream: true }));
      if (said.complete) answered.resolve();
    },
  });
  const words = sanitizeLine(stderr.trim(), 300);
  return { answers: said.answers, complete: said.complete, code, signal: endedBy, words };
}

/** Absolute path of the QEMU for x86-64 guests; Failure `missing` with what to install. */
export async function findQemu(path: string = PLAIN_ENV["PATH"] ?? ""): Promise<string> {
  return await findProgram("qemu-system-x86_64", path) ??
    fail("missing", "qemu-system-x86_64 is not installed", {
      hint:
        "install qemu-system-x86 (Debian, Ubuntu, openSUSE: qemu-x86), qemu-system-x86-core (Fedora), qemu-base (Arch)",
    });
}

/** Asks `program`. Failure `missing` when it is not there or gives no usable answer, `cancelled` when `calledOff` aborts. */
export async function probeQemu(program: string, calledOff?: AbortSignal): Promise<QemuCapabilities> {
  const { answers, complete, code, signal, words } = await askQemu(
    program,
    ["-machine", "none", "-accel", "tcg"],
    QUESTIONS,
    calledOff,
  );
  const capabilities = complete ? parseCapabilities(program, answers) : undefined;
  return capabilities ??
    fail(
      "missing",
      `${program} did not say what it can do (${signal ?? `exit code ${code}`}): ${words || "no message"}`,
      {
        hint: "is this a QEMU 7.2 or newer for x86-64?",
        path: program,
      },
    );
}

/** What makes a binary another one: an upgrade changes size or time. */
export interface ProgramStamp {
  readonly program: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** Stamp of an installed program; Failure `missing` when it is gone. */
export async function stampOf(program: string): Promise<ProgramStamp> {
  const facts = await fileFacts(program);
  if (!facts) throw new Failure({ code: "missing", message: `${program} is not installed`, path: program });
  return { program, ...facts };
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
function names(value: unknown, key: string): string[] {
  return strings(objects(value).map((item) => item[key])).sort();
}
function int(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : 0;
}
