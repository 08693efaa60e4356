/** Screens on record: `tests/fixtures/screens/<name>-<columns>.txt`, made anew with UPDATE_GOLDEN=1. */
import assert from "node:assert/strict";
import type { Model } from "../../tui/model.ts";
import { frame, type FrameOptions, GOLDEN_SIZES } from "../../tui/testing.ts";

const FOLDER = new URL("../fixtures/screens/", import.meta.url).pathname;

/** Compares the model's frames in all sizes with those on record; each must have just the size of its terminal. */
export async function assertGolden(name: string, model: Model, options: FrameOptions = {}): Promise<void> {
  const update = Deno.env.get("UPDATE_GOLDEN") === "1";
  for (const size of GOLDEN_SIZES) {
    const text = frame(model, { ...size, ...options }) + "\n";
    const path = `${FOLDER}${name}-${size.columns}.txt`;
    if (update) await Deno.writeTextFile(path, text);
    assert.equal(
      text,
      await Deno.readTextFile(path),
      `${name} at ${size.columns} columns (UPDATE_GOLDEN=1 keeps it)`,
    );
  }
}
