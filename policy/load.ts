/** From the bytes of a policy file to a policy that may be decided by. The file is taken whole or not at all. */
import type { PolicyRevision } from "../src/core/ids.ts";
import type { Problem } from "../src/core/problem.ts";
import { pathText } from "../src/core/shape.ts";
import { err, ok, type Result } from "../src/core/result.ts";
import { checkPolicy } from "./check.ts";
import { completePolicy } from "./complete.ts";
import {
  decodeDocument,
  type DocumentForm,
  MAX_DOCUMENT_BYTES,
  problemOfFault,
  readDocument,
  summaryOfDocument,
} from "./document.ts";
import type { LoadedPolicy, PolicyFile } from "./model.ts";
import { isRuleId } from "./rules.ts";
import { POLICY_SHAPE } from "./schema.ts";

/** A larger file is refused unread. */
export const MAX_POLICY_BYTES = MAX_DOCUMENT_BYTES;

function policyForm(root?: string): DocumentForm<PolicyFile> {
  return {
    code: "invalid_policy",
    shape: POLICY_SHAPE,
    check: (value) => checkPolicy(value, root),
    ruleOf: (rule) => rule !== undefined && isRuleId(rule) ? rule : "policy_invalid",
  };
}

/**
 * As {@link loadPolicy}, from the file's bytes: also refuses what is too large or not UTF-8. `root` is the data root; with
 * it an absolute path that lies inside is accepted, without it every absolute path is refused.
 */
export function loadPolicyBytes(
  bytes: Uint8Array,
  file: string,
  revision: PolicyRevision,
  root?: string,
): Result<LoadedPolicy, readonly Problem[]> {
  const text = decodeDocument(bytes, file, policyForm(root));
  return text.ok ? loadPolicy(text.value, file, revision, root) : text;
}

/**
 * Reads a policy. On failure every problem that was found, in the order of the file, each with code `invalid_policy`, its
 * key path as `path` and its place; a version that is not 0 is the only problem then, with rule `unsupported_version`.
 */
export function loadPolicy(
  text: string,
  file: string,
  revision: PolicyRevision,
  root?: string,
): Result<LoadedPolicy, readonly Problem[]> {
  const form = policyForm(root);
  const read = readDocument(text, file, form);
  if (!read.ok) return err(read.error);
  const { value, places } = read.value;
  const { policy, notes } = completePolicy(value, root);
  return ok({
    policy,
    revision,
    file,
    places,
    // What is written out is meant, whatever its value.
    notes: notes.filter((note) => !(note.missing && places.has(pathText(note.path)))).map((note) =>
      problemOfFault(form, note, file, places)
    ),
  });
}

/** All problems of a file as one: for the reason of safe mode and for the command line. */
export function summaryOf(file: string, problems: readonly Problem[]): Problem {
  return summaryOfDocument("invalid_policy", file, problems);
}
