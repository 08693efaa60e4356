import assert from "node:assert/strict";
import { shellQuote } from "./shell.ts";

Deno.test("shellQuote() is what a shell reads back as the same word", async () => {
  const words = ["plain/path-1.iso", "a b", "it's", "$(reboot)", "", "q?x=*;&|", "new\nline"];
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `printf '%s\\0' ${words.map(shellQuote).join(" ")}`],
  }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});
