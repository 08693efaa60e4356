/** `rayvisor vm export` and `vm import`: guests from and for other tools. */
import type { ApiClient } from "../../api/client.ts";
import { actionSpec } from "../../actions/table.ts";
import type { DoneView, ExportView, JobView } from "../../actions/views.ts";
import { type GuestKind, parseVmId, VM_ID_RULE } from "../../core/ids.ts";
import { fail, type Problem } from "../../core/problem.ts";
import { sanitizeLine } from "../../core/sanitize.ts";
import type { BringAs, ImportDraft, ImportOptions, Remark, StateKind } from "../../interop/types.ts";
import { basename, dirname, isNotFound, isPermissionDenied, readTextBounded } from "../../ports/files.ts";
import { fileFacts } from "../../ports/folders.ts";
import { realPath } from "../../ports/paths.ts";
import { type AnyCommand, ExitWith, Option } from "../command.ts";
import type { Context } from "../context.ts";
import type { Output } from "../output.ts";
import { connect } from "../connect.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";

/** Larger than any description that is understood; the readers have bounds of their own. */
const MAX_BYTES = 2 * 1024 * 1024;
const PROGRESS_MS = 1000;

export function addInterop(vm: AnyCommand, context: MakeContext): void {
  vm.command("export <id>").description(actionSpec("vm.export").summary)
    .addOption(
      new Option("--format <format>", "kubevirt and ovf are not in this version")
        .choices(["libvirt", "kubevirt", "ovf"] as const).makeOptionMandatory(),
    )
    .option("--libvirt <version>", "the libvirt that is to read it; default 9.0, newer ones can hold more")
    .action(async (id, options, command) => {
      if (options.format !== "libvirt") {
        fail("usage", `the format ${options.format} is not in this version`, {
          hint: "use --format libvirt",
        });
      }
      if (options.libvirt !== undefined && !/^\d{1,3}\.\d{1,3}$/.test(options.libvirt)) {
        fail("usage", `--libvirt wants a version such as 9.2, not '${options.libvirt}'`);
      }
      const c = context(command);
      const params = { id, format: options.format, libvirt: options.libvirt };
      const view = await withSupervisor(c, (s) => s.perform<ExportView>("vm.export", params, c.deadline));
      if (!c.output.json) {
        for (const note of view.notes) c.output.note(`note: ${sanitizeLine(note, 400)}`);
      }
      c.output.result(view, ({ text }) => text);
    });
  addImport(vm, context);
}

function addImport(vm: AnyCommand, context: MakeContext): void {
  vm.command("import <file>").description(
    `${actionSpec("vm.import").summary}: domain XML of libvirt's, or a quickemu .conf`,
  )
    .option("--id <id>", "its id; default is made of its name")
    .addOption(
      new Option("--type <kind>", "kind of guest, where the file does not tell").choices(
        ["linux", "windows"] as const,
      ),
    )
    .option("--profile <name>", "policy profile; default `default-linux` or `default-windows`")
    .option("--tpm-state <dir>", "folder with the state of its TPM (tpm2-00.permall)")
    .option("--new-tpm", "begin with an empty TPM where the state of its own can't be had")
    .option("--new-variables", "begin with new UEFI variables where its own can't be had")
    .option("--copy", "copy also files that lie in the data root")
    .option("--dry-run", "show the record and what does not come over; change nothing")
    .action(async (file, options, command) => {
      const c = context(command);
      const draft = await draftOf(c, file, options);
      if (options.dryRun) return await showDraft(c, file, draft);
      if (draft.blockers.length > 0) {
        fail("failed", `${file} can't be brought in: ${draft.blockers[0]?.becomes}`, {
          path: file,
          problems: [...draft.blockers].map((blocker) => problemOf(file, blocker)),
        });
      }
      const done = await bringIn(c, file, draft);
      c.output.result(
        { ...done, remarks: draft.remarks },
        () => renderImport(c.output, file, done, draft.remarks),
      );
    });
}

interface Flags {
  readonly id?: string | undefined;
  readonly type?: GuestKind | undefined;
  readonly profile?: string | undefined;
  readonly tpmState?: string | undefined;
  readonly newTpm?: boolean | undefined;
  readonly newVariables?: boolean | undefined;
  readonly copy?: boolean | undefined;
}

async function draftOf(c: Context, file: string, flags: Flags): Promise<ImportDraft> {
  const id = flags.id === undefined ? undefined : parseVmId(flags.id) ??
    fail("usage", `'${sanitizeLine(flags.id, 80)}' is no id: a guest id is ${VM_ID_RULE}`);
  if (flags.tpmState !== undefined && flags.newTpm) fail("usage", "give --tpm-state or --new-tpm, not both");
  const text = await readTextBounded(file, MAX_BYTES).catch((error: unknown) => {
    if (isNotFound(error)) fail("not_found", `there is no file ${file}`, { path: file });
    if (isPermissionDenied(error)) fail("io", `${file} may not be read`, { path: file });
    throw error;
  });
  const real = await realPath(file) ?? file;
  const tpmState = flags.tpmState === undefined ? undefined : await realPath(flags.tpmState) ??
    fail("not_found", `there is no folder ${flags.tpmState}`, { path: flags.tpmState });
  const options: ImportOptions = {
    root: c.root,
    ...(id ? { id } : {}),
    ...(flags.type ? { type: flags.type } : {}),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(tpmState === undefined ? {} : { tpmState }),
    ...(flags.copy ? { copy: true } : {}),
    ...(flags.newTpm ? { newTpm: true } : {}),
    ...(flags.newVariables ? { newVariables: true } : {}),
  };
  const draft = await understand(text, real, options);
  if (draft.ok) return draft.value;
  return fail(draft.error.code, `${file}: ${draft.error.message}`, { ...draft.error, path: file });
}

/** By what the text is, not by the file's name: XML begins with a tag. The readers are loaded for this command alone. */
async function understand(text: string, real: string, options: ImportOptions) {
  if (/^\ufeff?\s*</.test(text)) {
    const { fromLibvirt } = await import("../../interop/from_libvirt.ts");
    return fromLibvirt(text, options);
  }
  const { fromQuickemu } = await import("../../interop/from_quickemu.ts");
  return fromQuickemu(text, { folder: dirname(real), name: basename(real).replace(/\.conf$/, "") }, options);
}

async function bringIn(c: Context, file: string, draft: ImportDraft): Promise<DoneView> {
  const { record, bring, anew } = draft;
  return await withSupervisor(c, async (s) => {
    const asked = s.perform<DoneView>("vm.import", { record, bring, anew, source: file }, c.deadline);
    if (c.output.json || c.output.options.quiet || !c.output.terminal.errIsTerminal) return await asked;
    const over = asked.then(() => {}, () => {});
    const other = await connect(c);
    try {
      await showProgress(c, other, record.id, over);
    } finally {
      other.close();
    }
    return await asked;
  });
}

/** How far a copy has come is no event: it is asked for once a second while somebody looks. */
async function showProgress(c: Context, s: ApiClient, id: string, over: Promise<void>): Promise<void> {
  const { terminal } = c.output;
  const ended = over.then(() => true);
  while (true) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const pause = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), PROGRESS_MS));
    const isOver = await Promise.race([ended, pause]);
    clearTimeout(timer);
    if (isOver) break;
    const jobs = await s.perform<JobView[]>("job.list").catch(() => []);
    const job = jobs.find(({ action, vm }) => action === "vm.import" && vm === id);
    if (job?.progress) terminal.err(`\r\x1b[K${sanitizeLine(job.progress, terminal.columns - 1)}`);
  }
  terminal.err("\r\x1b[K");
}

async function showDraft(c: Context, file: string, draft: ImportDraft): Promise<void> {
  const bring = await Promise.all(
    draft.bring.map(async (one) => ({ ...one, there: await isThere(one.from) })),
  );
  const { record, anew, remarks, blockers } = draft;
  c.output.result({ record, bring, anew, remarks, blockers }, () => {
    const copies = bring.map(({ as, from, to, format, there }) => {
      const absent = there ? "" : `  (${absence(as, anew)})`;
      return `  ${sanitizeLine(from, 200)} (${format}) -> ${to}${absent}`;
    });
    return [
      JSON.stringify(record, null, 2),
      ...section("copied", copies),
      ...section("does not come over as it is", remarks.map((r) => lineOf(file, r))),
      ...section("stands in the way", blockers.map((r) => lineOf(file, r))),
    ].join("\n");
  });
  if (blockers.length > 0) throw new ExitWith(1);
}

function absence(as: BringAs, anew: readonly StateKind[]): string {
  if (as === "disk" || as === "medium") return "NOT THERE";
  return anew.includes(as) ? "not there: made anew" : `NOT THERE: refused without --new-${as}`;
}

async function isThere(path: string): Promise<boolean> {
  return await fileFacts(path).catch(() => undefined) !== undefined;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines];
}

function lineOf(file: string, { line, path, what, becomes }: Remark): string {
  const at = path === "" ? "" : `${path}: `;
  return sanitizeLine(`  ${basename(file)}:${line}: ${at}${what}: ${becomes}`, 500);
}

function problemOf(file: string, { line, path, what, becomes }: Remark): Problem {
  return { code: "failed", message: `${path}: ${what}: ${becomes}`, place: { file, line, column: 1 } };
}

function renderImport(output: Output, file: string, done: DoneView, remarks: readonly Remark[]): string {
  for (const remark of remarks) output.note(lineOf(file, remark).trim());
  const notes = (done.notes ?? []).map((note) => `\n  ${sanitizeLine(note, 300)}`).join("");
  const count = remarks.length === 0 ? "" : `; ${remarks.length} things did not come over as they were`;
  return `${done.vm} is imported${count}${notes}`;
}
