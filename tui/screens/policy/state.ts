/** The state of the screen `policy`. */
import type { ExplainView, PolicyCheckView } from "../../../src/actions/views.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { EffectiveRights } from "../../../policy/rights.ts";
import type { PolicyAction } from "../../../policy/types.ts";
import type { Message } from "../../messages.ts";
import type { PolicyText, Remark } from "./file.ts";

/** What is asked of the screen's runner (`effects.ts`). */
export type PolicyWork =
  /** Reads the policy file, and again whenever it changes. */
  | { readonly kind: "watch"; readonly run: number }
  /** Reads a file that may become the policy. */
  | { readonly kind: "candidate"; readonly run: number; readonly path: string };

/** What the supervisor is given of a file that is to become the policy. */
export interface CandidateFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly signature: string | undefined;
}

export const PANELS = ["rights", "what_if", "problems", "difference"] as const;
export type Panel = typeof PANELS[number];

export type PolicyMessage =
  | { readonly kind: "file"; readonly run: number; readonly file: PolicyText }
  | { readonly kind: "no_file"; readonly run: number; readonly why: Remark }
  | { readonly kind: "candidate"; readonly run: number; readonly file: CandidateFile }
  | {
    readonly kind: "refused";
    readonly run: number;
    readonly path: string;
    readonly problems: readonly Remark[];
    readonly lines: readonly string[];
  }
  /** Of this screen's keys. */
  | { readonly kind: "panel"; readonly panel: Panel }
  | { readonly kind: "focus" }
  | { readonly kind: "move"; readonly by: number | "first" | "last" }
  /** The guest, or in the what-if what the cursor is on. */
  | { readonly kind: "turn"; readonly by: 1 | -1 }
  | { readonly kind: "guest"; readonly vm: string }
  | { readonly kind: "action"; readonly action: PolicyAction }
  | { readonly kind: "profile"; readonly profile: string }
  /** Asks for the path of another file. */
  | { readonly kind: "edit" }
  | { readonly kind: "compare"; readonly path: string }
  | { readonly kind: "drop" };

export type Seen =
  | { readonly kind: "unread" }
  | { readonly kind: "read"; readonly file: PolicyText }
  /** It is not there, or must not be read. */
  | { readonly kind: "none"; readonly why: Remark };

/** What was asked of the supervisor: the answer to an older question is dropped. */
export type Answer<T> =
  | { readonly kind: "unasked" }
  | { readonly kind: "asked"; readonly tag: string; readonly before: T | undefined }
  | { readonly kind: "known"; readonly value: T }
  | { readonly kind: "failed"; readonly why: string };

/** Rows of the what-if that can be changed. */
export const FIELDS = ["guest", "action", "profile"] as const;
export type Field = typeof FIELDS[number];

export interface WhatIf {
  readonly field: Field;
  readonly action: PolicyAction;
  /** Of `net.set`. */
  readonly profile: string | undefined;
  readonly answer: Answer<ExplainView>;
}

/** Another file on its way to become the policy. */
export type Candidate =
  | { readonly kind: "reading"; readonly path: string; readonly run: number }
  | {
    readonly kind: "bad";
    readonly path: string;
    readonly problems: readonly Remark[];
    readonly lines: readonly string[];
  }
  | { readonly kind: "checked"; readonly file: CandidateFile; readonly check: Answer<PolicyCheckView> }
  | {
    readonly kind: "applied";
    readonly path: string;
    readonly view: PolicyCheckView;
    readonly at: Instant;
  };

export interface PolicyState {
  /** Counts what was begun and asked: what an older one still says is dropped. */
  readonly runs: number;
  /** The watch that is under way. */
  readonly watching: number | undefined;
  readonly seen: Seen;
  /** Line of the file that the cursor is on, from 1. */
  readonly line: number;
  readonly panel: Panel;
  /** Whether keys move in the file or in the panel beside it. */
  readonly focus: "file" | "panel";
  /** Row of the panel, one for each panel. */
  readonly at: Readonly<Record<Panel, number>>;
  readonly vm: string | undefined;
  /** Null: the guest has no rights, or nobody knows which. */
  readonly rights: Answer<EffectiveRights | null>;
  readonly whatIf: WhatIf;
  readonly candidate: Candidate | undefined;
  /** A path that is being typed. */
  readonly typing: string | undefined;
  /** The last one that was typed. */
  readonly path: string;
}

export const INIT: PolicyState = {
  runs: 0,
  watching: undefined,
  seen: { kind: "unread" },
  line: 1,
  panel: "rights",
  focus: "panel",
  at: { rights: 0, what_if: 0, problems: 0, difference: 0 },
  vm: undefined,
  rights: { kind: "unasked" },
  whatIf: { field: "action", action: "vm.start", profile: undefined, answer: { kind: "unasked" } },
  candidate: undefined,
  typing: undefined,
  path: "",
};

export function toPolicy(message: PolicyMessage): Message {
  return { type: "screen", screen: "policy", message };
}

/** What is known, also while it is asked for anew. */
export function valueOf<T>(answer: Answer<T>): T | undefined {
  return answer.kind === "known" ? answer.value : answer.kind === "asked" ? answer.before : undefined;
}

export function fileOf({ seen }: PolicyState): PolicyText | undefined {
  return seen.kind === "read" ? seen.file : undefined;
}

/** What is wrong with the file; empty: nothing is known against it. */
export function problemsOf({ seen }: PolicyState): readonly Remark[] {
  return seen.kind === "read" ? seen.file.problems : seen.kind === "none" ? [seen.why] : [];
}
