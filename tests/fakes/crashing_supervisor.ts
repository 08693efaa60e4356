/** A supervisor with a defect: who is told of its readiness fails, twice, and nobody catches it. Usage: ROOT */
import { Failure } from "../../src/core/problem.ts";
import { layoutOf } from "../../registry/layout.ts";
import { serve } from "../../src/supervisor/serve.ts";

const [root = ""] = Deno.args;
try {
  await serve(root, layoutOf(root), {
    ready() {
      Promise.reject(new RangeError("nobody caught this"));
      Promise.reject(new RangeError("nor that"));
    },
    event() {},
    warn() {},
  });
} catch (error) {
  // deno-lint-ignore no-console -- for the test that runs it
  console.error(error instanceof Failure ? error.message : error);
  Deno.exit(1);
}
