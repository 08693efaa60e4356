/** What is to be known of a guest beyond its figures, the most pressing first. Pure. */
import { ACTION_IDS, type ActionId, actionSpec } from "../../../src/actions/table.ts";
import type { GuestView, JobView } from "../../../src/actions/views.ts";
import { sanitizeLine } from "../../../src/core/sanitize.ts";
import type { Model } from "../../model.ts";
import type { Tone } from "../../theme.ts";
import { staleness } from "./figures.ts";

export interface Note {
  readonly text: string;
  readonly tone: Tone;
}

const STEPS: Readonly<Record<string, string>> = {
  agent: "its agent was asked to shut it down",
  acpi: "its power button was pressed",
  quit: "QEMU was told to quit",
  kill: "QEMU was killed",
};

export function notesOf(model: Model, guest: GuestView): readonly Note[] {
  const notes: Note[] = [];
  const add = (text: string | null | undefined, tone: Tone) => {
    if (text) notes.push({ text: sanitizeLine(text, 400), tone });
  };
  add(guest.problem, "bad");
  if (guest.state === "stopping") add(stopStep(model, guest.id), "accent");
  for (const job of model.jobs) if (job.vm === guest.id) add(jobText(job), "accent");
  add(provisionText(guest), guest.provision?.state === "failed" ? "bad" : "accent");
  add(staleness(model.figures.get(guest.id)), "warn");
  for (const note of guest.notes) {
    add(note, guest.state === "paused" && note.startsWith("paused") ? "warn" : "dim");
  }
  return notes;
}

/** How far an orderly stop has come, by the last of its steps that was told. */
function stopStep(model: Model, vm: string): string | undefined {
  const event = model.events.findLast(({ event, fields }) => event === "RAYOS_VM:stop" && fields.vm === vm);
  const step = event?.fields.step;
  if (typeof step !== "string") return undefined;
  const after = Number(event?.fields.after_ms);
  return `stopping: ${STEPS[step] ?? step}${
    Number.isFinite(after) && after >= 500 ? `, after ${Math.round(after / 1000)} s` : ""
  }`;
}

/** What is under way on it, as far as it says so. */
function jobText({ action, state, progress }: JobView): string {
  const title = ACTION_IDS.includes(action as ActionId) ? actionSpec(action as ActionId).title : action; // looked up first
  const words: Readonly<Record<JobView["state"], string>> = {
    waiting: "waits for another action",
    running: "under way",
    called_off: "is being called off",
  };
  return `${title}: ${words[state]}${progress === null ? "" : `, ${progress}`}`;
}

function provisionText({ provision }: GuestView): string | undefined {
  if (provision === null) return undefined;
  const { state, step, phase, restarts, why } = provision;
  if (state === "failed") return `provisioning failed at ${step}: ${why ?? "no reason is known"}`;
  const at = `${step}${phase ? `, ${phase}` : ""}${restarts > 0 ? `, ${restarts} restarts` : ""}`;
  return state === "running" ? `provisioning: ${at}` : `provisioning was interrupted at ${at}`;
}
