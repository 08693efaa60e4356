/** Whether the media of a Windows guest are what its answers say: pure, from what was read of them. */
import type { Problem } from "../core/problem.ts";
import type { MediumReport, VirtioMedium, WindowsMedium } from "../media/report.ts";
import type { WindowsAnswers } from "./answers.ts";

/** The first reason why Setup would not get through with these media; undefined when none is known. */
export function mediaFault(
  answers: WindowsAnswers,
  windows: MediumReport,
  virtio: MediumReport,
): Problem | undefined {
  if (windows.kind !== "windows" || windows.problems[0]) return unusable(windows, "medium of Windows 11");
  if (virtio.kind !== "virtio-win" || virtio.problems[0]) return unusable(virtio, "medium of virtio drivers");
  return windowsFault(answers, windows) ?? virtioFault(answers, virtio);
}

function unusable({ path, title, problems: [wrong] }: MediumReport, wanted: string): Problem {
  return {
    code: "failed",
    message: `${path} is no ${wanted} that can be used: ${wrong?.message ?? `it is ${title}`}`,
    hint: wrong?.hint ?? "`rayvisor iso inspect` says what it is",
    path,
  };
}

function windowsFault({ windows }: WindowsAnswers, medium: WindowsMedium): Problem | undefined {
  const { path, editions, disc } = medium;
  const edition = editions.find(({ name }) => name === windows.edition);
  if (!edition) {
    return {
      code: "invalid_answers",
      message: `${path} has no edition ${JSON.stringify(windows.edition)}`,
      hint: `it has: ${editions.map(({ name }) => name).join(", ")}`,
      path: "windows.edition",
    };
  }
  const { name, architecture, languages } = edition;
  const failed = (message: string): Problem => ({ code: "failed", message, path });
  if (edition.windows_11_23h2_or_later === "no") {
    return failed(`${name} on ${path} is older than Windows 11 23H2`);
  }
  if (architecture !== undefined && architecture !== "amd64") {
    return failed(`${name} on ${path} is for ${architecture}, and guests are amd64`);
  }
  if (languages.length > 0 && !languages.includes(windows.language)) {
    return {
      code: "invalid_answers",
      message: `${name} on ${path} is not in ${windows.language}`,
      hint: `it is in: ${languages.join(", ")}`,
      path: "windows.language",
    };
  }
  return disc.boot.some(({ platform, bootable }) => platform === "efi" && bootable)
    ? undefined
    : failed(`${path} has no boot image for EFI, and the guest starts by EFI`);
}

/** Setup finds no disk without the first, the host no agent without the second. The folders are the answer file's. */
function virtioFault({ windows, network }: WindowsAnswers, medium: VirtioMedium): Problem | undefined {
  const { path, drivers, guest_agent } = medium;
  const needed = ["viostor", "vioserial", ...network.during_install ? ["NetKVM"] : []];
  const missing = needed.filter((name) => {
    const driver = drivers.find((one) => one.name === name);
    return driver?.path.toLowerCase() !== `${name}/w11/amd64`.toLowerCase() || driver.missing.length > 0;
  });
  if (windows.guest_agent && !guest_agent) missing.push("guest-agent/qemu-ga-x86_64.msi");
  return missing.length === 0 ? undefined : {
    code: "failed",
    message: `${path} lacks what the installation needs for Windows 11 on amd64: ${missing.join(", ")}`,
    hint: "take the stable virtio-win.iso",
    path,
  };
}
