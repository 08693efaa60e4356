/** Keys of the screen `audit`. */
import type { Message } from "../../messages.ts";
import type { Model } from "../../model.ts";
import type { KeyRow } from "../../screen.ts";
import { type AuditMessage, current, toAudit, whyNotOlder } from "./state.ts";

const tell = (message: AuditMessage) => (): readonly Message[] => [toAudit(message)];

/** Rows of the list that fit on a screen, for its pages. */
function page({ size }: Model): number {
  return Math.max(1, size.rows - 8);
}

function noRecord({ screens }: Model): string | undefined {
  return current(screens.audit) ? undefined : "there is no record";
}

function guestOf({ screens }: Model): string | undefined {
  return current(screens.audit)?.vm;
}

export const KEYS: readonly KeyRow[] = [
  { keys: ["up", "k"], title: "Record before", run: tell({ kind: "move", by: -1 }) },
  { keys: ["down", "j"], title: "Next record", run: tell({ kind: "move", by: 1 }) },
  { keys: ["page-up"], title: "Page up", run: (model) => [toAudit({ kind: "move", by: -page(model) })] },
  { keys: ["page-down"], title: "Page down", run: (model) => [toAudit({ kind: "move", by: page(model) })] },
  { keys: ["home"], title: "Oldest that was read", run: tell({ kind: "move", by: "first" }) },
  { keys: ["end"], title: "Newest, and follow", run: tell({ kind: "move", by: "last" }) },
  {
    keys: ["enter"],
    title: "Details",
    footer: ({ screens }) => screens.audit.details === undefined,
    typing: "Filter by it",
    disabled: noRecord,
    run: ({ screens }) => [toAudit({ kind: "details", open: screens.audit.details === undefined })],
  },
  { keys: ["/"], title: "Filter", footer: true, run: tell({ kind: "edit" }) },
  {
    keys: ["g"],
    title: "Its guest",
    footer: true,
    disabled: (model) => {
      const vm = guestOf(model);
      if (vm === undefined) return "the record is about no guest";
      return model.guests.some(({ id }) => id === vm) ? undefined : `there is no guest ${vm} any more`;
    },
    run: (model) => {
      const vm = guestOf(model);
      if (vm === undefined) return [];
      return [
        { type: "show", screen: "guests" },
        { type: "screen", screen: "guests", message: { do: "select", vm } },
      ];
    },
  },
  {
    keys: ["c"],
    title: "Its request",
    footer: true,
    disabled: noRecord,
    run: ({ screens }) => {
      const record = current(screens.audit);
      return record ? [toAudit({ kind: "filter", text: `corr=${record.corr}` })] : [];
    },
  },
  {
    keys: ["o"],
    title: "Older records",
    disabled: ({ screens }) => whyNotOlder(screens.audit),
    run: tell({ kind: "older" }),
  },
  {
    keys: ["v"],
    title: "Verify",
    footer: true,
    disabled: ({ screens }) => screens.audit.verifying === undefined ? undefined : "it is being verified",
    run: tell({ kind: "verify" }),
  },
  {
    keys: ["esc"],
    title: "Back",
    footer: ({ screens: { audit } }) => audit.details !== undefined || audit.filter.text !== "",
    typing: "Leave it as it was",
    run: ({ screens: { audit } }) => {
      if (audit.details !== undefined) return [toAudit({ kind: "details", open: false })];
      return audit.filter.text === "" ? [] : [toAudit({ kind: "filter", text: "" })];
    },
  },
];
