/** Writes `docs/rules.md` and `docs/policy.md` from their tables: `deno run --allow-write=docs docs/generate.ts`. */
import { DEFAULT_PROFILE_TEXT } from "../policy/complete.ts";
import { rulesMarkdown } from "../policy/rules.ts";
import { policyKeysMarkdown } from "../policy/schema.ts";

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("./rules.md", import.meta.url), rulesMarkdown());
  Deno.writeTextFileSync(
    new URL("./policy.md", import.meta.url),
    `${policyKeysMarkdown()}\n${DEFAULT_PROFILE_TEXT}`,
  );
}
