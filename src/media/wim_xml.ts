/** The description inside a WIM: which editions of Windows are in it. */
import { err, ok, type Result } from "../core/result.ts";
import { sanitizeLine } from "../core/sanitize.ts";
import { child, parseXml, textAt, type XmlElement } from "./xml.ts";

export type Architecture = "x86" | "amd64" | "arm" | "arm64" | "other";

/** One image of a WIM. What it does not say is left out; text is made harmless. */
export interface WimImage {
  /** Counts from 1, as Windows Setup does. */
  readonly index: number;
  /** `Windows 11 Pro`. */
  readonly name: string;
  readonly description?: string;
  /** `Professional`. */
  readonly edition?: string;
  /** `Client`, `Server`, `Server Core`, `WindowsPE`. */
  readonly installation?: string;
  readonly architecture?: Architecture;
  readonly major?: number;
  readonly minor?: number;
  readonly build?: number;
  /** The number after the build: 2428 in 22621.2428. */
  readonly revision?: number;
  readonly languages: readonly string[];
  readonly default_language?: string;
  /** Bytes on the disk when it is installed. */
  readonly installed_bytes?: number;
}

/** PROCESSOR_ARCHITECTURE_* of winnt.h. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = { 0: "x86", 5: "arm", 9: "amd64", 12: "arm64" };
const MAX_IMAGES = 256, MAX_LANGUAGES = 64;

/** The images, by index; or in a sentence what is wrong with the description. */
export function parseWimXml(text: string): Result<WimImage[], string> {
  const root = parseXml(text);
  if (!root.ok) return root;
  if (root.value.name.toUpperCase() !== "WIM") {
    return err(`it describes a <${sanitizeLine(root.value.name, 40)}>`);
  }
  const elements = root.value.children.filter((one) => one.name.toUpperCase() === "IMAGE");
  if (elements.length > MAX_IMAGES) return err(`it describes ${elements.length} images`);
  return ok(elements.map(imageOf));
}

function imageOf(element: XmlElement, position: number): WimImage {
  const line = (...path: string[]) => {
    const text = textAt(element, ...path);
    return text === undefined ? undefined : short(text, 120);
  };
  const number = (...path: string[]) => {
    const text = textAt(element, ...path);
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const index = Number(element.attributes["INDEX"]);
  const arch = line("WINDOWS", "ARCH");
  const version = ["WINDOWS", "VERSION"];
  const languages = child(child(element, "WINDOWS"), "LANGUAGES")?.children ?? [];
  return defined({
    index: Number.isInteger(index) && index > 0 ? index : position + 1,
    // Setup shows the display name, which says what `name` says, or more.
    name: line("DISPLAYNAME") ?? line("NAME") ?? `image ${position + 1}`,
    description: line("DISPLAYDESCRIPTION") ?? line("DESCRIPTION"),
    edition: line("WINDOWS", "EDITIONID") ?? line("FLAGS"),
    installation: line("WINDOWS", "INSTALLATIONTYPE"),
    architecture: arch === undefined ? undefined : ARCHITECTURES[arch] ?? "other",
    major: number(...version, "MAJOR"),
    minor: number(...version, "MINOR"),
    build: number(...version, "BUILD"),
    revision: number(...version, "SPBUILD"),
    languages: languages.filter((one) => one.name.toUpperCase() === "LANGUAGE").slice(0, MAX_LANGUAGES)
      .map((one) => short(one.text.trim(), 40)),
    default_language: line("WINDOWS", "LANGUAGES", "DEFAULT"),
    installed_bytes: number("TOTALBYTES"),
  });
}

/** Cut before it is made harmless, so that no long text is taken apart. */
function short(text: string, most: number): string {
  return sanitizeLine(text.slice(0, 4 * most), most);
}

/** Members that are undefined are left out. */
type Defined<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & {
    [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
  };

function defined<T extends object>(object: T): Defined<T> {
  // The cast says what the filter does, which the type of fromEntries can't.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
