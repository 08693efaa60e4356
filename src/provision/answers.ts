/**
 * The answers file of `rayvisor provision ID --answers FILE.toml`: everything that is to be known of a guest before it is
 * installed, so that nobody is asked. Read as the policy is: whole or not at all, every problem with its place.
 */
import type { GuestKind } from "../core/ids.ts";
import type { Problem } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type Fault, isTable, type KeyPath, pathText, readShape, seen, type Shape } from "../core/shape.ts";
import { didYouMean } from "../core/suggest.ts";
import { decodeDocument, type DocumentForm, readDocument, summaryOfDocument } from "../../policy/document.ts";
import {
  type AnswersFile,
  LINUX_SHAPE,
  type LinuxFile,
  WINDOWS_SHAPE,
  type WindowsFile,
} from "./answers_schema.ts";

/** Where the password of a Windows user comes from. It never stands in the answers file itself. */
export type WindowsPassword =
  /** The first line of this file, which must be the operator's own and have mode 0600. */
  | { readonly from: "file"; readonly path: string }
  /** The operator is asked for it; only on a terminal. */
  | { readonly from: "prompt" };

/** As {@link WindowsPassword}; a Linux user may also have a hash (crypt(5)), or none and a key. */
export type LinuxPassword =
  | WindowsPassword
  | { readonly from: "hash"; readonly hash: string }
  /** Nobody logs in by password. */
  | { readonly from: "nowhere" };

/** All that is to be known of a Linux guest: a cloud image, told by a NoCloud seed what to become. */
export type LinuxAnswers = Omit<LinuxFile, "version" | "user"> & {
  readonly type: "linux";
  readonly user: Omit<LinuxFile["user"], `password_${string}`> & { readonly password: LinuxPassword };
};

/** All that is to be known of a Windows guest: its medium, told by an answer file what to install. */
export type WindowsAnswers = Omit<WindowsFile, "version" | "user"> & {
  readonly type: "windows";
  readonly user: Omit<WindowsFile["user"], `password_${string}`> & { readonly password: WindowsPassword };
};

/** Told apart by `type`, which is `guest.type` of the file. Keys are those of the file; sizes are bytes. */
export type Answers = LinuxAnswers | WindowsAnswers;

/**
 * Reads an answers file; `name` is what messages call it. On failure every problem that was found, in the order of the file,
 * each with code `invalid_answers`, its key path as `path`, and its place. Paths stay as they are written.
 */
export function parseAnswers(text: string, name: string): Result<Answers, readonly Problem[]> {
  const read = readDocument(text, name, FORM);
  return read.ok ? ok(answersOf(read.value.value)) : err(read.error);
}

/** As {@link parseAnswers}, from the file's bytes: also refuses what is too large or not UTF-8. */
export function parseAnswersBytes(bytes: Uint8Array, name: string): Result<Answers, readonly Problem[]> {
  const text = decodeDocument(bytes, name, FORM);
  return text.ok ? parseAnswers(text.value, name) : text;
}

/** As {@link parseAnswers}, from the value that a file stands for. Faults have a key path and no place. */
export function readAnswers(value: Readonly<Record<string, unknown>>): Result<Answers, readonly Fault[]> {
  const read = readShape(FORM.shape, value);
  const faults = [...(read.ok ? [] : read.error), ...FORM.check(value)];
  return read.ok && faults.length === 0 ? ok(answersOf(read.value)) : err(faults);
}

/** All problems of an answers file as one, to be thrown. */
export function summaryOfAnswers(name: string, problems: readonly Problem[]): Problem {
  return summaryOfDocument("invalid_answers", name, problems);
}

/** The same answers with every relative path taken from `folder`, the absolute path of the answers file's own folder. */
export function withPathsFrom<T extends Answers>(answers: T, folder: string): T;
export function withPathsFrom(answers: Answers, folder: string): Answers {
  const absolute = (path: string) => path.startsWith("/") ? path : `${folder === "/" ? "" : folder}/${path}`;
  const ofFile = <P extends LinuxPassword>(password: P): P =>
    password.from === "file" ? { ...password, path: absolute(password.path) } : password;
  if (answers.type === "linux") {
    return {
      ...answers,
      disk: { ...answers.disk, image: absolute(answers.disk.image) },
      user: { ...answers.user, password: ofFile(answers.user.password) },
    };
  }
  const { windows_iso, virtio_iso } = answers.media;
  return {
    ...answers,
    media: { ...answers.media, windows_iso: absolute(windows_iso), virtio_iso: absolute(virtio_iso) },
    user: { ...answers.user, password: ofFile(answers.user.password) },
  };
}

const FORM: DocumentForm<AnswersFile> = {
  code: "invalid_answers",
  shape: {
    want: "a table",
    read(value, path, report) {
      const kind = kindOf(value);
      const shape: Shape<AnswersFile> = kind === "windows" ? WINDOWS_SHAPE : LINUX_SHAPE;
      return shape.read(
        value,
        path,
        (fault) => report(() => hinted(typeof fault === "function" ? fault() : fault, kind)),
      );
    },
  },
  check: checkAnswers,
  ruleOf: (rule) => rule,
};

type Table = Readonly<Record<string, unknown>>;
const NOTHING: Table = {};

function tableOf(value: unknown, key: string): Table {
  const found = isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isTable(found) ? found : NOTHING;
}

function own(table: Table, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Which kind a file is of; where it doesn't say so in words that are allowed, the one that it looks most like. */
function kindOf(value: unknown): GuestKind {
  const type = own(tableOf(value, "guest"), "type");
  if (type === "windows" || type === "linux") return type;
  const near = typeof type === "string" ? didYouMean(type, ["linux", "windows"]) : undefined;
  if (near === "linux" || near === "windows") return near;
  const sections = isTable(value) ? Object.keys(value) : [];
  return sections.includes("windows") || sections.includes("media") ? "windows" : "linux";
}

/** Keys that belong to the other kind, and those that people look for in vain. */
const HINTS: Readonly<Record<string, string>> = {
  "linux:windows": "[windows] is for windows guests; this file is of a linux guest (guest.type)",
  "linux:media": "[media] is for windows guests; a linux guest is made of disk.image",
  "windows:linux": "[linux] is for linux guests; this file is of a windows guest (guest.type)",
  "windows:disk.image":
    "a windows guest is installed from media.windows_iso; only a linux guest is made of an image",
  "windows:user.password_hash": "Windows takes no hash; use password_file or password_prompt",
  "linux:user.password":
    "a password never stands in this file; use password_hash, password_file or password_prompt",
  "windows:user.password": "a password never stands in this file; use password_file or password_prompt",
};

function hinted(fault: Fault, kind: GuestKind): Fault {
  if (fault.at !== "key" || fault.missing) return fault;
  const hint = HINTS[`${kind}:${pathText(fault.path)}`];
  return hint === undefined ? fault : { ...fault, hint };
}

/** Faults between keys. Never throws, whatever the value is. */
function checkAnswers(value: Table): readonly Fault[] {
  const kind = kindOf(value);
  return [
    ...checkFirmware(value, kind),
    ...checkPassword(value, kind),
    ...(kind === "linux" ? checkPackages(value) : []),
  ];
}

/** Windows 11 is not installed without these, and this program doesn't talk Setup out of asking. Contract, section 7. */
function checkFirmware(value: Table, kind: GuestKind): Fault[] {
  if (kind === "linux") return [];
  const firmware = tableOf(value, "firmware");
  const rules = [["secure_boot", "secure_boot_required"], ["tpm", "vtpm_required"]] as const;
  return rules.flatMap(([key, rule]) =>
    own(firmware, key) === false
      ? [
        fault(
          ["firmware", key],
          "is false; a windows guest needs it to be true",
          `leave firmware.${key} out`,
          rule,
        ),
      ]
      : []
  );
}

const PASSWORD_KEYS = ["password_hash", "password_file", "password_prompt"] as const;

function checkPassword(value: Table, kind: GuestKind): Fault[] {
  if (!isTable(value["user"])) return []; // that is told by the shape
  const user = tableOf(value, "user");
  const allowed = kind === "linux" ? PASSWORD_KEYS : PASSWORD_KEYS.slice(1);
  const given = allowed.filter((key) => own(user, key) !== undefined && own(user, key) !== false);
  const more = given[1];
  if (more !== undefined) {
    return [
      fault(
        ["user", more],
        `stands beside user.${given[0]}; allowed is one of them`,
        `keep one of ${given.join(", ")}`,
      ),
    ];
  }
  const keys = own(user, "ssh_keys");
  const hasKeys = kind === "linux" && Array.isArray(keys) && keys.length > 0;
  if (given.length > 0 || hasKeys) return [];
  const ways = kind === "linux" ? [...allowed, "ssh_keys"] : allowed;
  return [{
    path: ["user"],
    at: "key",
    missing: true,
    message: `user has no way to log in; allowed is one of ${ways.join(", ")}`,
    hint: "password_prompt = true asks for a password",
  }];
}

function checkPackages(value: Table): Fault[] {
  const packages = own(tableOf(value, "linux"), "packages");
  if (!Array.isArray(packages) || packages.length === 0) return [];
  const during = own(tableOf(value, "network"), "during_install");
  if (during === true) return [];
  const is = during === undefined ? "is left out, so false" : `is ${seen(during)}`;
  const hint = "set network.during_install = true, or use an image that has the packages";
  return [fault(["linux", "packages"], `needs a network, but network.during_install ${is}`, hint)];
}

function fault(path: KeyPath, said: string, hint: string, rule?: string): Fault {
  return {
    path,
    at: "value",
    message: `${pathText(path)} ${said}`,
    hint,
    ...(rule === undefined ? {} : { rule }),
  };
}

function answersOf(file: AnswersFile): Answers {
  const { version: _version, ...rest } = file;
  if (isOfWindows(rest)) {
    const { password_file, password_prompt: _prompt, ...user } = rest.user;
    return { ...rest, type: "windows", user: { ...user, password: filePassword(password_file) } };
  }
  const { password_file, password_hash, password_prompt, ...user } = rest.user;
  const password: LinuxPassword = password_hash !== undefined
    ? { from: "hash", hash: password_hash }
    : password_file !== undefined || password_prompt
    ? filePassword(password_file)
    : { from: "nowhere" };
  return { ...rest, type: "linux", user: { ...user, password } };
}

function isOfWindows(
  file: Omit<LinuxFile, "version"> | Omit<WindowsFile, "version">,
): file is Omit<WindowsFile, "version"> {
  return file.guest.type === "windows";
}

function filePassword(path: string | undefined): WindowsPassword {
  return path === undefined ? { from: "prompt" } : { from: "file", path };
}
