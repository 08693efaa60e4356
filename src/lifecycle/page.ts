/** The page of documentation on a guest's life: states, events and actions, made from their tables. */
import { ACTION_IDS, actionSpec } from "../actions/table.ts";
import { formatDuration } from "../core/units.ts";
import { GUEST_EVENTS, GUEST_STATES, hasProcess, transition } from "./states.ts";

/** The text of `docs/lifecycle.md`. */
export function lifecyclePage(): string {
  const lines = [
    "# A guest's life",
    "",
    "Made from `src/lifecycle/states.ts` and `src/actions/table.ts` by `deno task docs`; do not edit.",
    "",
    "## States and events",
    "",
    "What is not in the table is an illegal transition. A state in **bold** has a QEMU process.",
    "",
    `| event | ${GUEST_STATES.map((state) => hasProcess(state) ? `**${state}**` : state).join(" | ")} |`,
    `|---|${GUEST_STATES.map(() => "---|").join("")}`,
    ...GUEST_EVENTS.map((event) =>
      `| \`${event}\` | ${GUEST_STATES.map((state) => cell(state, event)).join(" | ")} |`
    ),
    "",
    "A state is derived from facts when a supervisor starts: which processes carry this data root's mark, what answers on",
    "their sockets, and in which state QEMU says that the guest is. The registry's `state` is only what was last known.",
    "",
    "## Actions",
    "",
    "One action at a time has a guest. `wait`: it begins when the one under way has ended, and is refused behind one of its",
    "own kind. `interrupt`: it begins at once. `refuse`: exit code 5. `rayvisor jobs` shows what is under way; `jobs cancel` calls it",
    "off: it undoes or ends itself. One that does not end within its time is called off too; one that does not end even then is",
    "`outcome_unknown` (exit code 6), and keeps its guest until it has really ended.",
    "",
    "| action | possible for a guest that is | while another is under way | longest time |",
    "|---|---|---|---|",
    ...ACTION_IDS.flatMap((id) => {
      const { states, whenBusy, timeoutS, path } = actionSpec(id);
      if (timeoutS === undefined) return [];
      const busy = path.includes("/vms") ? whenBusy ?? "refuse" : "-";
      return [
        `| \`${id}\` | ${states?.join(", ") ?? "any"} | ${busy} | ${formatDuration(timeoutS * 1000)} |`,
      ];
    }),
    "",
  ];
  return lines.join("\n");
}

function cell(state: typeof GUEST_STATES[number], event: typeof GUEST_EVENTS[number]): string {
  const next = transition(state, event);
  return next.ok ? next.value : "";
}
