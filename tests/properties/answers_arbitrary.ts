/** Any answers file that is valid, as TOML text. Names and texts are made of what XML, YAML and shells stumble over. */
import fc from "fast-check";
import { readShape, type Shape } from "../../src/core/shape.ts";
import * as shapes from "../../src/provision/answers_shapes.ts";

const NASTY = [
  ..."<>&\"'`$%{}[]#:,;|\\/!?*@-_=+~^.() aZ0ä漢😀",
  "]]>",
  "<!--",
  "&amp;",
  "\n",
  "\t",
  "\u0085",
  "\u{2028}",
  "\u0000",
  "${x}",
];

function accepted<T>(shape: Shape<T>, texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return texts.filter((text) => readShape(shape, text).ok);
}

const nasty = (max: number) =>
  fc.array(fc.constantFrom(...NASTY), { minLength: 1, maxLength: max }).map((parts) => parts.join(""));
const line = (max: number) => accepted(shapes.displayName, nasty(max));
const flag = fc.boolean();

type Section = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** Optional keys are left out now and then. */
function sections(fixed: Readonly<Record<string, Section>>, free: Readonly<Record<string, Section>>) {
  const names = [...new Set([...Object.keys(fixed), ...Object.keys(free)])];
  return fc.record(Object.fromEntries(names.map((name) => {
    const must = Object.keys(fixed[name] ?? {});
    return [name, fc.record({ ...fixed[name], ...free[name] }, { requiredKeys: must })];
  })));
}

const windows = sections({
  guest: { type: fc.constant("windows") },
  media: { windows_iso: fc.constant("a.iso"), virtio_iso: fc.constant("b.iso") },
  windows: {
    edition: fc.oneof(
      fc.constantFrom("Windows 11 Pro", "Windows 11 Home"),
      accepted(shapes.edition, nasty(20)),
    ),
  },
  user: { name: accepted(shapes.windowsUser, nasty(12)), password_prompt: fc.constant(true) },
}, {
  guest: { name: line(20), vcpu: fc.integer({ min: 1, max: 512 }) },
  windows: {
    language: fc.constantFrom("en-US", "de-DE", "zh-Hans-CN"),
    keyboard: fc.constantFrom("de-DE", "0407:00000407"),
    timezone: fc.constantFrom("UTC", "W. Europe Standard Time", "UTC+12", "Tokyo Standard Time"),
    computer_name: accepted(shapes.computerName, fc.stringMatching(/^[A-Za-z0-9-]{1,15}$/)),
    product_key: fc.stringMatching(/^([A-Za-z0-9]{5}-){4}[A-Za-z0-9]{5}$/),
    remote_desktop: flag,
    telemetry: fc.constantFrom("off", "required", "optional"),
    guest_agent: flag,
  },
  user: { full_name: line(30), administrator: flag },
});

const words = fc.array(fc.oneof(nasty(10).filter((text) => !text.includes("\0")), fc.constant("")), {
  minLength: 1,
  maxLength: 4,
})
  .filter((list) => list[0] !== "");

const linux = sections({
  guest: { type: fc.constant("linux") },
  disk: { image: fc.constant("a.qcow2"), image_format: fc.constantFrom("qcow2", "raw") },
  user: {
    name: fc.stringMatching(/^[a-z_][a-z0-9_-]{0,31}$/).filter((name) => name !== "root"),
    password_prompt: flag.map(() => true),
  },
  network: { during_install: fc.constant(true) },
}, {
  linux: {
    hostname: accepted(shapes.hostname, fc.stringMatching(/^[a-z0-9-]{1,63}$/)),
    locale: fc.constantFrom("C", "de_DE.UTF-8"),
    timezone: fc.constantFrom("UTC", "Etc/GMT+1"),
    keyboard: fc.constantFrom("us", "de"),
    packages: fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9+._-]{0,20}$/), { maxLength: 3 }),
    run: fc.array(words, { maxLength: 3 }),
  },
  user: { full_name: line(30), administrator: flag },
});

/** A JSON string is a TOML string, once what TOML wants escaped is escaped too. */
function tomlOf(file: Readonly<Record<string, unknown>>): string {
  const value = (one: unknown) => JSON.stringify(one).replace(/[\u007f]/g, "\\u007f");
  const lines = Object.entries(file).flatMap(([name, section]) => [
    `[${name}]`,
    ...Object.entries(section ?? {}).map(([key, one]) => `${key} = ${value(one)}`),
  ]);
  return ["version = 0", ...lines, ""].join("\n");
}

export const windowsText: fc.Arbitrary<string> = windows.map(tomlOf);
export const linuxText: fc.Arbitrary<string> = linux.map(tomlOf);

/** Any password that is one. */
export const password: fc.Arbitrary<string> = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  // deno-lint-ignore no-control-regex -- a password has none
  .filter((text) => text.isWellFormed() && !/[\x00-\x1f\x7f]/.test(text));
