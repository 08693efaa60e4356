/** How a seed's medium is made: which program, with which arguments. Names and paths stand there, never what is in the files. */

/** Programs that make one; the first that the host has is taken. */
export const MEDIUM_TOOLS = ["xorriso", "genisoimage"] as const;
export type MediumTool = (typeof MEDIUM_TOOLS)[number];

/**
 * Arguments by which everything in `folder` becomes the image `out`. Joliet keeps names as they are for Windows, Rock Ridge for
 * Linux. Folder and image are absolute paths, so neither can be taken for an option.
 */
export function mediumArguments(
  tool: MediumTool,
  volume: string,
  folder: string,
  out: string,
): readonly string[] {
  const make = ["-quiet", "-o", out, "-V", volume, "-J", "-r", folder];
  // xorriso reads no settings of the user's own (-no_rc comes first).
  return tool === "xorriso" ? ["-no_rc", "-as", "mkisofs", ...make] : make;
}
