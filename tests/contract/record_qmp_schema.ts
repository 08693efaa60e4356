/**
 * Records what the installed QEMU says of the commands and events that this program uses:
 *
 *   deno run -A tests/contract/record_qmp_schema.ts
 *
 * Writes tests/fixtures/qmp/schema-MAJOR.MINOR.json. To be run again when a command or event is added to the tables.
 */
import { systemClock } from "../../src/ports/clock.ts";
import { QmpClient } from "../../src/qmp/client.ts";
import { COMMANDS } from "../../src/qmp/commands.ts";
import { EVENTS } from "../../src/qmp/events.ts";
import { type ReducedSchema, reduceSchema } from "./qmp_schema.ts";
import { RealQemu } from "./real_qemu.ts";

/** The reduced schema of the QEMU that is installed. */
export async function liveSchema(): Promise<ReducedSchema> {
  const qemu = await RealQemu.start();
  try {
    const client = await QmpClient.negotiate(await qemu.connect(), { clock: systemClock });
    const { qemu: version, package: build } = await client.execute("query-version");
    const raw = await client.executeRaw("query-qmp-schema");
    client.close();
    return reduceSchema(raw, {
      qemu: `${version.major}.${version.minor}`,
      package: build,
      commands: Object.keys(COMMANDS),
      events: Object.keys(EVENTS),
    });
  } finally {
    await qemu.close();
  }
}

/** One member a line at the top, so that a change shows as a small difference. */
export function formatSchema(schema: ReducedSchema): string {
  const section = (part: Readonly<Record<string, unknown>>) =>
    Object.entries(part).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(
      ",\n",
    );
  return `{\n  "qemu": ${JSON.stringify(schema.qemu)},\n  "package": ${JSON.stringify(schema.package)},\n` +
    `  "commands": {\n${section(schema.commands)}\n  },\n  "events": {\n${section(schema.events)}\n  },\n` +
    `  "types": {\n${section(schema.types)}\n  }\n}\n`;
}

if (import.meta.main) {
  const schema = await liveSchema();
  const file = new URL(`../fixtures/qmp/schema-${schema.qemu}.json`, import.meta.url);
  await Deno.writeTextFile(file, formatSchema(schema));
}
