/** `policy validate|apply|sign`: policy files before they are in force. */
import type { PolicyApplyView, PolicyCheckView } from "../../actions/views.ts";
import { actionSpec } from "../../actions/table.ts";
import { fail } from "../../core/problem.ts";
import { isTrusty, ownership, readChecked } from "../../ports/checked_file.ts";
import { writeFileAtomic } from "../../ports/files.ts";
import { type AnyCommand, Command } from "../command.ts";
import type { Context } from "../context.ts";
import { applyText } from "../policy_text.ts";
import { type MakeContext, withSupervisor } from "./shared.ts";

/** Adds the commands to `policy`. */
export function addPolicyFiles(policy: AnyCommand, context: MakeContext): void {
  policy.addCommand(
    new Command("validate").argument("[file]")
      .description("check a policy file and list every problem; default: the data root's, with its signature")
      .action(async (file, _options, command) => await validate(context(command), file)),
  );
  policy.addCommand(
    new Command("apply").argument("<file>").description(actionSpec("policy.apply").summary)
      .option("--dry-run", "only show what it would change")
      .action(async (file, options, command) => await apply(context(command), file, options.dryRun ?? false)),
  );
  policy.addCommand(
    new Command("sign").argument("<file>").description(
      "sign a policy file: writes FILE.sig (docs/signing.md)",
    )
      .requiredOption("--key <key>", "Ed25519 private key, PEM (PKCS#8); only its owner may read it")
      .action(async (file, options, command) => await sign(context(command), file, options.key)),
  );
}

async function validate(c: Context, file: string | undefined): Promise<void> {
  const source = await import("../../supervisor/policy_source.ts");
  const { signature, loaded } = file === undefined || file === c.layout.policyFile
    ? await source.readJudgedPolicy(c.layout)
    : { loaded: await source.readPolicy(file, c.root, { guarded: false }), signature: undefined };
  const path = file ?? c.layout.policyFile;
  for (const note of loaded.notes) c.output.note(`note: ${c.output.renderSingle(note)}`);
  const state = signature?.state === "valid"
    ? { demanded: true, key: signature.key, name: signature.name, by: signature.demandedBy }
    : { demanded: false };
  const told = signature?.state === "valid" ? `, signed by ${signature.name}` : "";
  c.output.result(
    {
      valid: true,
      file: path,
      revision: loaded.revision,
      ...(signature ? { signature: state } : {}),
      notes: loaded.notes,
    },
    () => `${path} is valid (revision ${loaded.revision.slice(0, 12)}${told})`,
  );
}

async function apply(c: Context, file: string, isDryRun: boolean): Promise<void> {
  const { readPolicy, readSignature } = await import("../../supervisor/policy_source.ts");
  const { MAX_POLICY_BYTES } = await import("../../../policy/load.ts");
  await readPolicy(file, c.root, { guarded: false }); // every problem is told before anybody is asked
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    .decode(await bytesOf(file, MAX_POLICY_BYTES));
  const signature = await readSignature(`${file}.sig`);
  const params = { text, name: file, ...(signature === undefined ? {} : { signature }) };
  const view = await withSupervisor(
    c,
    (s) =>
      isDryRun
        ? s.perform<PolicyCheckView>("policy.check", params, c.deadline)
        : s.perform<PolicyApplyView>("policy.apply", params, c.deadline),
  );
  for (const note of view.remarks) c.output.note(`note: ${c.output.renderSingle(note)}`);
  c.output.result({ ...view, applied: !isDryRun }, () => applyText(c.output, view, !isDryRun));
}

async function sign(c: Context, file: string, keyFile: string): Promise<void> {
  const { MAX_POLICY_BYTES } = await import("../../../policy/load.ts");
  const { formatSignatures, MAX_KEY_BYTES, shortKey, signBytes } = await import(
    "../../../policy/signature.ts"
  );
  const bytes = await bytesOf(file, MAX_POLICY_BYTES);
  const key = await readChecked(keyFile, { maxBytes: MAX_KEY_BYTES });
  if (!key.ok) return unreadable(keyFile, key.why.kind);
  if ((key.file.mode & 0o077) !== 0 || !isTrusty(key.file)) {
    const seen = ownership(key.file.uid, key.file.mode);
    fail("failed", `the key ${keyFile} ${seen}: others can read it, so it proves nothing`, {
      path: keyFile,
      hint: `chmod 600 ${keyFile}; a key that others may have read is to be replaced`,
    });
  }
  const signature = await signBytes(bytes, new TextDecoder().decode(key.file.bytes));
  if (!signature.ok) {
    fail("failed", `the key ${keyFile} can't be used: ${signature.error}`, {
      path: keyFile,
      hint: "`openssl genpkey -algorithm ed25519` makes one",
    });
  }
  await writeFileAtomic(`${file}.sig`, formatSignatures([signature.value]));
  c.output.result(
    { signed: file, signature: `${file}.sig`, key: signature.value.key },
    () => `wrote ${file}.sig, signed by key ${shortKey(signature.value.key)}`,
  );
}

async function bytesOf(file: string, most: number): Promise<Uint8Array> {
  const read = await readChecked(file, { maxBytes: most });
  return read.ok ? read.file.bytes : unreadable(file, read.why.kind);
}

function unreadable(file: string, kind: string): never {
  if (kind === "missing") return fail("not_found", `there is no file ${file}`, { path: file });
  return fail("failed", `${file} can't be read (${kind.replaceAll("_", " ")})`, { path: file });
}
