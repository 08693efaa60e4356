/** State that a guest had where it comes from, and that can't be brought along. Pure. */
import type { Problem } from "../core/problem.ts";
import type { StateKind } from "./types.ts";

export interface LostState {
  readonly kind: StateKind;
  /** Absolute path of the file that was looked for. */
  readonly from: string;
  readonly why: "absent" | "unreadable" | "empty";
}

const WHY: Readonly<Record<LostState["why"], string>> = {
  absent: "is not there",
  unreadable: "may not be read by this user",
  empty: "is empty",
};

interface Words {
  readonly state: string;
  readonly anew: string;
  readonly wayOut: string;
}

const WORDS: Readonly<Record<StateKind, Words>> = {
  variables: {
    state: "the file of its UEFI variables",
    anew: "a new set of UEFI variables",
    wayOut: "copy the UEFI variables to where they can be read and name that file in the description, " +
      "or give --new-variables: boot entries and enrolled keys are then lost",
  },
  tpm: {
    state: "the state of its TPM",
    anew: "a new and empty TPM",
    wayOut: "copy tpm2-00.permall to a folder that can be read and give --tpm-state FOLDER, " +
      "or give --new-tpm: what the TPM sealed is then lost, and BitLocker asks for its recovery key",
  },
};

/** Why a guest is not brought in without its state, all of it at once: `not_found`, or `io` where something is there. */
export function lostProblem(lost: readonly LostState[]): Problem {
  const problems = lost.map(({ kind, from, why }): Problem => ({
    code: why === "absent" ? "not_found" : "io",
    message: `${WORDS[kind].state} ${WHY[why]}: ${from}`,
    hint: WORDS[kind].wayOut,
    path: from,
  }));
  const [first] = problems;
  return {
    code: problems.find(({ code }) => code !== "not_found")?.code ?? "not_found",
    message: `the guest would lose what it can't get back: ${
      problems.map(({ message }) => message).join("; ")
    }`,
    hint: problems.map(({ hint }) => hint).join("; "),
    ...(first?.path === undefined ? {} : { path: first.path }),
    problems,
  };
}

/** What is told where it was said that the guest may begin anew. */
export function lostNote({ kind, from, why }: LostState): string {
  return `${from} ${WHY[why]}: ${anewNote(kind)}`;
}

/** What is told of a guest whose source has no such state. */
export function anewNote(kind: StateKind): string {
  return `the guest begins with ${WORDS[kind].anew}`;
}
