/** `rayvisor vm ...`: guests. */
import { type ActionId, actionSpec } from "../../actions/table.ts";
import type { CommandView, DoneView, FirmwareView, GuestDetail, GuestView } from "../../actions/views.ts";
import { fail } from "../../core/problem.ts";
import { parseSize } from "../../core/units.ts";
import { readTextBounded } from "../../ports/files.ts";
import { type AnyCommand, Command, InvalidArgumentError, Option } from "../command.ts";
import type { Context } from "../context.ts";
import { shellQuote } from "../../core/shell.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import { renderFirmware, renderGuest, renderGuests } from "../render.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";
import { addInterop } from "./vm_interop.ts";
import { mayHaveGuests, stopAll, type StopAllView } from "./stop_all.ts";

const MAX_RECORD_BYTES = 1024 * 1024;

export function vmCommand(context: MakeContext): AnyCommand {
  const vm = new Command("vm").description("guests: define, start, stop, present, look at");
  addReading(vm, context);
  addDefine(vm, context);
  addInterop(vm, context);
  for (const verb of ["kill", "pause", "resume", "suspend", "reset", "present"] as const) {
    vm.command(`${verb} <id>`).description(actionSpec(`vm.${verb}`).summary)
      .action(async (id, _options, command) => await change(context(command), `vm.${verb}`, { id }));
  }
  vm.command("hide [id]").description(`${actionSpec("vm.hide").summary}; without ID: the presented one`)
    .action(async (id, _options, command) => await hide(context(command), id));
  vm.command("start <id>").description(actionSpec("vm.start").summary)
    .addOption(
      new Option("--wait <for>", "until QEMU runs it, or until its guest agent answers")
        .choices(["running", "ready"] as const).default("running" as const),
    )
    .option("--cold", "drop the state of a suspended guest and boot it anew")
    .action(async (id, options, command) =>
      await change(context(command), "vm.start", {
        id,
        wait: options.wait,
        ...(options.cold ? { cold: true } : {}),
      })
    );
  vm.command("stop [id]").description(actionSpec("vm.stop").summary)
    .option("--grace <seconds>", "time for the guest before it is ended", wholeNumber)
    .option("--all", "every guest that runs, at the same time")
    .action(async (id, options, command) => {
      const c = context(command);
      if ((id === undefined) === (options.all !== true)) fail("usage", "give a guest's id, or --all");
      if (id === undefined) return await stopEvery(c, options.grace);
      await change(c, "vm.stop", {
        id,
        ...(options.grace === undefined ? {} : { grace_s: options.grace }),
      });
    });
  vm.command("delete <id>").description(actionSpec("vm.delete").summary)
    .option("--disks", "also delete its folder: disks, UEFI variables, TPM state, snapshots")
    .option("--yes", "really")
    .action(async (id, options, command) => {
      if (!options.yes) {
        fail(
          "usage",
          `deleting ${id} wants --yes${options.disks ? ": its disks can't be brought back" : ""}`,
        );
      }
      await change(context(command), "vm.delete", {
        id,
        ...(options.disks ? { disks: true } : {}),
      });
    });
  return vm;
}

function addReading(vm: AnyCommand, context: MakeContext): void {
  vm.command("list").description(actionSpec("vm.list").summary).action(async (_options, command) => {
    const c = context(command);
    const guests = await withSupervisor(c, (s) => s.perform<GuestView[]>("vm.list", {}, c.deadline));
    c.output.result(guests, (view) => renderGuests(c.output, view, Date.now()));
  });
  vm.command("show <id>").description(actionSpec("vm.show").summary).action(async (id, _options, command) => {
    const c = context(command);
    const guest = await withSupervisor(c, (s) => s.perform<GuestDetail>("vm.show", { id }, c.deadline));
    c.output.result(guest, (view) => renderGuest(c.output, view, Date.now()));
  });
  vm.command("firmware <id>").description(actionSpec("vm.firmware").summary).action(
    async (id, _options, command) => {
      const c = context(command);
      const view = await withSupervisor(c, (s) => s.perform<FirmwareView>("vm.firmware", { id }, c.deadline));
      c.output.result(view, renderFirmware);
    },
  );
  vm.command("argv <id>").description(actionSpec("vm.argv").summary).action(async (id, _options, command) => {
    const c = context(command);
    const commands = await withSupervisor(c, (s) => s.perform<CommandView[]>("vm.argv", { id }, c.deadline));
    c.output.result(
      commands,
      (views) =>
        views.map((view) => sanitizeLine([view.program, ...view.args].map(shellQuote).join(" "), Infinity))
          .join("\n\n"),
    );
  });
}

function addDefine(vm: AnyCommand, context: MakeContext): void {
  vm.command("define [file]").description(
    `${actionSpec("vm.define").summary}: a registry record, or the flags`,
  )
    .addOption(new Option("--type <kind>", "kind of guest").choices(["linux", "windows"] as const))
    .option("--id <id>", "its id: immutable, a folder name")
    .option("--name <name>", "its name for people; default the id")
    .option("--vcpu <n>", "virtual processors", wholeNumber)
    .option("--memory <MiB>", "memory in MiB", wholeNumber)
    .option("--disk <path|size>", "a disk image in the data root, or the size of a new one (64G)")
    .option("--cdrom <path>", "install medium in the data root")
    .option("--tpm", "with a TPM 2.0")
    .option("--secure-boot", "with Secure Boot enforced")
    .option("--profile <name>", "policy profile; default `default-linux` or `default-windows`")
    .action(async (file, options, command) => {
      const c = context(command);
      if (file !== undefined) {
        if (Object.keys(options).length > 0) fail("usage", "give a record file or flags, not both");
        return await change(c, "vm.define", { record: await readRecord(file) });
      }
      if (!options.type || !options.id) {
        fail("usage", "a new guest wants a record file, or at least --type and --id");
      }
      await change(c, "vm.define", {
        definition: {
          id: options.id,
          type: options.type,
          name: options.name,
          vcpu: options.vcpu,
          memory_mib: options.memory,
          disk: options.disk === undefined ? undefined : diskOf(options.disk),
          cdrom: options.cdrom,
          tpm: options.tpm,
          secure_boot: options.secureBoot,
          profile: options.profile,
        },
      });
    });
}

function diskOf(text: string): { bytes: number } | { path: string } {
  const bytes = /^\d/.test(text) ? parseSize(text) : undefined;
  return bytes === undefined ? { path: text } : { bytes };
}

async function readRecord(file: string): Promise<unknown> {
  const text = await readTextBounded(file, MAX_RECORD_BYTES).catch((error: unknown) =>
    fail("not_found", `${file} can't be read: ${error instanceof Error ? error.message : error}`, {
      path: file,
    })
  );
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(
      "invalid_registry",
      `${file} is not JSON: ${error instanceof Error ? error.message : error}`,
      {
        path: file,
      },
    );
  }
}

async function hide(c: Context, id: string | undefined): Promise<void> {
  await withSupervisor(c, async (s) => {
    const target = id ?? (await s.perform<{ presented: string | null }>("status", {}, c.deadline)).presented;
    if (target === null) return c.output.result({ done: "vm.hide" }, () => "no guest is presented");
    const done = await s.perform<DoneView>("vm.hide", { id: target }, c.deadline);
    c.output.result(done, renderDone);
  });
}

async function stopEvery(c: Context, grace: number | undefined): Promise<void> {
  const view: StopAllView = await mayHaveGuests(c)
    ? await stopAll(c, grace)
    : { done: "vm.stop", stopped: [] };
  c.output.result(
    view,
    ({ stopped }) => stopped.length === 0 ? "no guest runs" : stopped.map(renderDone).join("\n"),
  );
}

/** Asks for a change and says what came of it. */
export async function change(c: Context, action: ActionId, params: Record<string, unknown>): Promise<void> {
  const done = await withSupervisor(c, (s) => s.perform<DoneView>(action, params, c.deadline));
  c.output.result(done, renderDone);
}

/** What an action came to, where the guest's state does not say it. */
const CAME_TO: Readonly<Record<string, string>> = {
  "vm.define": "is defined",
  "vm.delete": "is deleted",
  "vm.present": "is presented",
  "vm.hide": "is hidden",
  "vm.reset": "was reset",
  "net.set": "has its network off",
};

function renderDone(done: DoneView): string {
  const came = CAME_TO[done.done] ?? (done.state ? `is ${done.state}` : "done");
  const notes = (done.notes ?? []).map((note) => `\n  ${sanitizeLine(note, 200)}`).join("");
  return `${done.vm ?? done.done} ${came}${notes}`;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("not a whole number");
  }
  return value;
}
