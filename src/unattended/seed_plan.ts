/** What making a seed comes to, for a dry run: every file with its content, every command, and no secret. */
import type { VmId } from "../core/ids.ts";
import type { Answers } from "../provision/answers.ts";
import { obscured } from "./autounattend.ts";
import type { SeedFile } from "./files.ts";
import { mediumArguments, type MediumTool } from "./medium.ts";
import { HASH_COMMAND } from "./password.ts";
import { linuxSeed, windowsSeed } from "./seed.ts";

/** Stands where a secret would. */
export const HIDDEN = "«hidden»";

/** One step, in the order in which they are done. */
export type SeedStep =
  /** A file that is read, and how. */
  | { readonly kind: "read"; readonly path: string; readonly why: string }
  | { readonly kind: "ask"; readonly what: string }
  /** `stdin`: what is written to it, where anything is. */
  | { readonly kind: "run"; readonly argv: readonly string[]; readonly stdin?: string }
  /** `secret` says what is hidden in the text shown. */
  | {
    readonly kind: "write";
    readonly path: string;
    readonly mode: "0600";
    readonly text: string;
    readonly secret?: string;
  }
  | { readonly kind: "move"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

export interface SeedPlanFacts {
  readonly id: VmId;
  /** Absolute path of the medium. */
  readonly out: string;
  readonly tool: MediumTool;
}

/** All steps by which the seed medium of these answers is made. The temporary folder's name is chosen when it is made. */
export function seedPlan(answers: Answers, { id, out, tool }: SeedPlanFacts): readonly SeedStep[] {
  const folder = `${out}.XXXXXXXX.seed.tmp`;
  const write = ({ name, text, secret }: SeedFile): SeedStep => ({
    kind: "write",
    path: `${folder}/files/${name}`,
    mode: "0600",
    text,
    ...(secret === undefined ? {} : { secret }),
  });
  const seed = shownSeed(answers, id);
  const image = `${folder}/seed.iso`;
  return [
    ...passwordSteps(answers),
    ...seed.files.map(write),
    { kind: "run", argv: [tool, ...mediumArguments(tool, seed.volume, `${folder}/files`, image)] },
    { kind: "move", from: image, to: out },
    { kind: "remove", path: folder },
  ];
}

function passwordSteps(answers: Answers): readonly SeedStep[] {
  const { password } = answers.user;
  if (password.from === "hash" || password.from === "nowhere") return [];
  const got: SeedStep = password.from === "file"
    ? { kind: "read", path: password.path, why: "the password, its first line" }
    : { kind: "ask", what: `the password of ${answers.user.name}` };
  const [program, args] = HASH_COMMAND;
  return answers.type === "windows" ? [got] : [got, { kind: "run", argv: [program, ...args], stdin: HIDDEN }];
}

/** The seed as it will be, but for what nobody is to see. */
function shownSeed(answers: Answers, id: VmId) {
  if (answers.type === "linux") {
    const hash = answers.user.password.from === "nowhere" ? {} : { passwordHash: HIDDEN };
    return linuxSeed(answers, { id, instanceId: `${id}-XXXXXXXX`, ...hash });
  }
  const { product_key, ...windows } = answers.windows;
  const key = product_key === undefined ? {} : { product_key: HIDDEN };
  const seed = windowsSeed({ ...answers, windows: { ...windows, ...key } }, { id, password: HIDDEN });
  const hide = (file: SeedFile) => ({ ...file, text: file.text.replaceAll(obscured(HIDDEN), HIDDEN) });
  return { ...seed, files: seed.files.map(hide) };
}
