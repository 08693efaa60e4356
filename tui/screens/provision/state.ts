/** The state of the screen `provision`: runs that are not over, the wizard, and one run as it goes on. */
import type { ProvisionPlanView, ProvisionView } from "../../../src/actions/views.ts";
import type { Problem } from "../../../src/core/problem.ts";
import type { Secret } from "../../../src/core/secret.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { CheckReport } from "../../../src/preflight/types.ts";
import type { Draft, WizardFacts, WizardState } from "../../../src/provision/wizard.ts";
import type { Message } from "../../messages.ts";
import type { Effect, Model } from "../../model.ts";
import { EMPTY, type Field } from "./field.ts";

/** A new guest in the making: what was said, and what is known of it. */
export interface Making {
  readonly id: string;
  readonly wizard: WizardState;
  readonly facts: WizardFacts;
  /** What would be refused of what was said, by policy or for the media, a line each. */
  readonly refusals: readonly string[];
  /** What stands in no run's way, and may not be meant. */
  readonly remarks: readonly string[];
  /** Media and policy are being asked about what was said last. */
  readonly looking: boolean;
  /** What this host was found to be able to do, for these very answers. */
  readonly host?: { readonly draft: Draft; readonly look: HostLook };
}

/** What a look at this host came to: checks that warn or fail. */
export type HostLook =
  | { readonly kind: "looking" }
  | {
    readonly kind: "looked";
    readonly faults: readonly Pick<
      CheckReport,
      "check_id" | "status" | "details" | "remediation" | "blocking"
    >[];
  }
  | { readonly kind: "failed"; readonly problem: Problem };

export type Plan =
  | { readonly kind: "asked" }
  | { readonly kind: "came"; readonly plan: ProvisionPlanView }
  | { readonly kind: "failed"; readonly problem: Problem };

/** How a run that is shown has ended while it was. */
export type Outcome =
  /** `os`: what it says that it runs, where policy lets it be asked. */
  | { readonly kind: "done"; readonly os?: string }
  /** All that it had made was taken away. */
  | { readonly kind: "undone" }
  | { readonly kind: "failed"; readonly why: string };

export type Mode =
  | { readonly kind: "runs"; readonly at: number }
  | { readonly kind: "id"; readonly field: Field; readonly wrong?: string }
  | {
    readonly kind: "ask";
    readonly making: Making;
    /** What is typed, of a question that wants text. */
    readonly field: Field;
    /** The selected choice; undefined: the default. */
    readonly choice: number | undefined;
    readonly wrong?: string;
    /** Answers before one was changed: where Esc goes back to. */
    readonly before?: WizardState;
  }
  | { readonly kind: "review"; readonly making: Making; readonly at: number; readonly host: HostLook }
  | { readonly kind: "plan"; readonly making: Making; readonly plan: Plan; readonly scroll: number }
  | {
    readonly kind: "save";
    readonly making: Making;
    readonly field: Field;
    readonly wrong?: string;
    readonly saving: boolean;
  }
  | {
    readonly kind: "password";
    readonly making: Making;
    readonly host: HostLook;
    readonly typed: Secret;
    /** Typed before; now it is asked for once more. */
    readonly first?: Secret;
    readonly wrong?: string;
  }
  | {
    readonly kind: "run";
    readonly vm: string;
    /** Answers of a run that was asked for and has not begun yet: where a refusal goes back to. */
    readonly begun: boolean;
    readonly making?: Making;
    readonly outcome?: Outcome;
    /** Last lines of its serial console. */
    readonly serial: readonly string[];
    /** When its console was asked for last, and whether an answer is awaited. */
    readonly looked: { readonly at: Instant; readonly open: boolean } | undefined;
  };

export interface ProvisionState {
  readonly mode: Mode;
  /** Number of the last look, plan or file that was asked for: what comes of another one is late. */
  readonly number: number;
}

export const INIT: ProvisionState = { mode: { kind: "runs", at: 0 }, number: 0 };

/** Messages of its keys and of its work. */
export type ProvisionMessage =
  | { readonly kind: "new" }
  | { readonly kind: "take" }
  | { readonly kind: "back" }
  | { readonly kind: "leave" }
  | { readonly kind: "move"; readonly by: number }
  | { readonly kind: "fill" }
  | { readonly kind: "plan" }
  | { readonly kind: "save" }
  | { readonly kind: "write"; readonly path: string; readonly over: boolean }
  | { readonly kind: "begin" }
  | { readonly kind: "open"; readonly vm: string }
  /** It was confirmed: its work is under way. */
  | { readonly kind: "beginning" }
  | { readonly kind: "begun"; readonly id: string; readonly problem?: Problem }
  | {
    readonly kind: "looked";
    readonly number: number;
    readonly facts: WizardFacts;
    readonly refusals: readonly string[];
    readonly remarks: readonly string[];
  }
  | { readonly kind: "host"; readonly number: number; readonly host: HostLook }
  | { readonly kind: "planned"; readonly number: number; readonly plan: Plan }
  | { readonly kind: "saved"; readonly number: number; readonly came: Saved };

export type Saved =
  | { readonly kind: "saved"; readonly path: string }
  /** There is a file of that name, and nobody has said that it may be written over. */
  | { readonly kind: "there"; readonly path: string }
  | { readonly kind: "failed"; readonly problem: Problem };

/** What its runner does. `number` comes back with the answer. */
export type ProvisionWork =
  | { readonly kind: "look"; readonly number: number; readonly id: string; readonly draft: Draft }
  | { readonly kind: "host"; readonly number: number; readonly draft: Draft }
  | { readonly kind: "plan"; readonly number: number; readonly id: string; readonly draft: Draft }
  | {
    readonly kind: "save";
    readonly number: number;
    readonly path: string;
    readonly draft: Draft;
    readonly over: boolean;
  }
  | { readonly kind: "begin"; readonly id: string; readonly draft: Draft; readonly password?: Secret };

export const work = (work: ProvisionWork): Effect => ({ do: "screen", screen: "provision", work });
export const own = (message: ProvisionMessage): Message => ({ type: "screen", screen: "provision", message });

/** Opens the wizard; for other screens. */
export const askNew: Message = own({ kind: "new" });
/** Shows a run; for other screens. */
export const openRun = (vm: string): Message => own({ kind: "open", vm });

/** The run that the screen is about, or that is selected in its list. */
export function chosenRun(
  { provisioning, screens: { provision: { mode } } }: Model,
): ProvisionView | undefined {
  if (mode.kind === "run") return provisioning.find(({ vm }) => vm === mode.vm);
  return mode.kind === "runs" ? provisioning[mode.at] : undefined;
}

export const NEW_ID: Mode = { kind: "id", field: EMPTY };

/** Answers live in the wizard alone, until a run has begun with them or they are written to a file. */
export function unsaved({ mode }: ProvisionState): string | undefined {
  if (!("making" in mode) || mode.making.wizard.done.length === 0) return undefined;
  return `The answers for ${mode.making.id} would be lost. The last page saves them (s).`;
}
