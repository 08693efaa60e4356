/**
 * Windows Setup's answer file: from an empty disk to a Windows 11 that has its drivers and its guest agent, without a question
 * and without a network. What Setup checks of TPM, Secure Boot and memory it goes on checking.
 * https://learn.microsoft.com/windows-hardware/customize/desktop/unattend/
 */
import type { VmId } from "../core/ids.ts";
import type { WindowsAnswers } from "../provision/answers.ts";
import { firstLogonCommands, specializeCommands } from "./windows_commands.ts";
import { setupKeyOf } from "./setup_keys.ts";
import { element, elementWith, xmlDocument, type XmlElement } from "./xml.ts";

/** What an answer file needs beside the answers. */
export interface WindowsFacts {
  readonly id: VmId;
  /** Password of the local account, not empty. */
  readonly password: string;
}

/** The text of `autounattend.xml`. It holds the password in a form that anybody can read back. */
export function autounattend(answers: WindowsAnswers, facts: WindowsFacts): string {
  return xmlDocument(elementWith(
    "unattend",
    { "xmlns": "urn:schemas-microsoft-com:unattend", "xmlns:wcm": WCM },
    pass("windowsPE", languageOfSetup(answers), drivers(), setup(answers)),
    pass(
      "specialize",
      machine(answers, facts.id),
      remoteDesktop(answers),
      firewall(answers),
      component(
        "Microsoft-Windows-Deployment",
        commands("RunSynchronous", "Path", specializeCommands(answers)),
      ),
    ),
    pass("oobeSystem", languageOfSystem(answers), firstRun(answers, facts)),
  ));
}

const WCM = "http://schemas.microsoft.com/WMIConfig/2002/State";

/** A computer name made of a guest's id: letters, digits and hyphens, at most 15, not digits alone. */
export function computerNameOf(id: VmId): string {
  const name = id.replace(/[^a-z0-9]+/g, "-").slice(0, 15).replace(/^-+|-+$/g, "").toUpperCase();
  return /^\d*$/.test(name) ? `WIN-${name}`.slice(0, 15).replace(/-$/, "") : name;
}

/** A password as the answer file wants it hidden: base64 of UTF-16 and a fixed word. It keeps nothing from anybody. */
export function obscured(password: string): string {
  const text = `${password}Password`;
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    bytes[i * 2] = text.charCodeAt(i) & 0xff;
    bytes[i * 2 + 1] = text.charCodeAt(i) >> 8;
  }
  return bytes.toBase64();
}

function pass(name: string, ...components: readonly XmlElement[]): XmlElement {
  return elementWith("settings", { pass: name }, ...components);
}

function component(name: string, ...children: readonly XmlElement[]): XmlElement {
  return elementWith(
    "component",
    {
      name,
      processorArchitecture: "amd64",
      publicKeyToken: "31bf3856ad364e35",
      language: "neutral",
      versionScope: "nonSxS",
    },
    ...children,
  );
}

/** One of a list; Setup wants lists told so. */
const ADD = { "wcm:action": "add" };

function commands(list: string, what: string, lines: readonly string[]): XmlElement {
  const one = list === "FirstLogonCommands" ? "SynchronousCommand" : "RunSynchronousCommand";
  return element(
    list,
    ...lines.map((line, index) =>
      elementWith(one, ADD, element("Order", String(index + 1)), element(what, line))
    ),
  );
}

function locales(answers: WindowsAnswers): readonly XmlElement[] {
  const { language, keyboard } = answers.windows;
  return [
    element("InputLocale", keyboard ?? language),
    element("SystemLocale", language),
    element("UILanguage", language),
    element("UserLocale", language),
  ];
}

function languageOfSetup(answers: WindowsAnswers): XmlElement {
  return component(
    "Microsoft-Windows-International-Core-WinPE",
    element("SetupUILanguage", element("UILanguage", answers.windows.language)),
    ...locales(answers),
  );
}

function languageOfSystem(answers: WindowsAnswers): XmlElement {
  return component("Microsoft-Windows-International-Core", ...locales(answers));
}

/** Drivers that Setup needs: disk, the agent's port, network. Balloon and the others come with the drivers' own installer. */
const DRIVERS = ["viostor", "vioserial", "NetKVM"];

/**
 * Letters that a CD-ROM may have in Setup: there are three, and a disk without partitions has none. A path that isn't there is
 * passed over by Setup. So nothing has to be copied from the medium of the drivers, and what is installed is what its hash says.
 */
export const CD_LETTERS = ["D", "E", "F", "G"];

function drivers(): XmlElement {
  const paths = CD_LETTERS.flatMap((letter) => DRIVERS.map((name) => `${letter}:\\${name}\\w11\\amd64`));
  const one = (path: string, index: number) =>
    elementWith("PathAndCredentials", { ...ADD, "wcm:keyValue": String(index + 1) }, element("Path", path));
  return component("Microsoft-Windows-PnpCustomizationsWinPE", element("DriverPaths", ...paths.map(one)));
}

function setup(answers: WindowsAnswers): XmlElement {
  const { edition, product_key } = answers.windows;
  const key = product_key ?? setupKeyOf(edition);
  return component(
    "Microsoft-Windows-Setup",
    element("DynamicUpdate", element("Enable", "false")),
    element("DiskConfiguration", element("WillShowUI", "OnError"), disk()),
    element(
      "ImageInstall",
      element(
        "OSImage",
        element(
          "InstallFrom",
          elementWith("MetaData", ADD, element("Key", "/IMAGE/NAME"), element("Value", edition)),
        ),
        element("InstallTo", element("DiskID", "0"), element("PartitionID", "3")),
        element("WillShowUI", "OnError"),
      ),
    ),
    element(
      "UserData",
      element("AcceptEula", "true"),
      element("FullName", answers.user.full_name ?? answers.user.name),
      ...(key === undefined
        ? []
        : [element("ProductKey", element("Key", key), element("WillShowUI", "OnError"))]),
    ),
  );
}

/** MiB. Microsoft's least for disks of 4096-byte sectors, so that the image may be moved to one. */
const EFI_MIB = 260;
const MSR_MIB = 16;

/** Disk 0 is the only one, it was made for this guest, and it is empty: the host lets no run begin otherwise. */
function disk(): XmlElement {
  const create = (order: number, type: string, size: number | "rest") =>
    elementWith(
      "CreatePartition",
      ADD,
      element("Order", String(order)),
      element("Type", type),
      size === "rest" ? element("Extend", "true") : element("Size", String(size)),
    );
  const modify = (order: number, ...more: readonly XmlElement[]) =>
    elementWith(
      "ModifyPartition",
      ADD,
      element("Order", String(order)),
      element("PartitionID", String(order)),
      ...more,
    );
  return elementWith(
    "Disk",
    ADD,
    element("DiskID", "0"),
    // Makes a GPT of it.
    element("WillWipeDisk", "true"),
    element(
      "CreatePartitions",
      create(1, "EFI", EFI_MIB),
      create(2, "MSR", MSR_MIB),
      create(3, "Primary", "rest"),
    ),
    element(
      "ModifyPartitions",
      modify(1, element("Format", "FAT32"), element("Label", "System")),
      modify(2),
      modify(3, element("Format", "NTFS"), element("Label", "Windows"), element("Letter", "C")),
    ),
  );
}

function machine(answers: WindowsAnswers, id: VmId): XmlElement {
  return component(
    "Microsoft-Windows-Shell-Setup",
    element("ComputerName", answers.windows.computer_name ?? computerNameOf(id)),
    element("TimeZone", answers.windows.timezone),
  );
}

function remoteDesktop(answers: WindowsAnswers): XmlElement {
  return component(
    "Microsoft-Windows-TerminalServices-LocalSessionManager",
    element("fDenyTSConnections", String(!answers.windows.remote_desktop)),
  );
}

/** On in all three profiles, whatever the medium thinks; open for Remote Desktop only where that is on. */
function firewall(answers: WindowsAnswers): XmlElement {
  const group = elementWith(
    "FirewallGroup",
    { ...ADD, "wcm:keyValue": "RemoteDesktop" },
    element("Active", String(answers.windows.remote_desktop)),
    element("Group", "@FirewallAPI.dll,-28752"),
    element("Profile", "all"),
  );
  return component(
    "Networking-MPSSVC-Svc",
    element("DomainProfile_EnableFirewall", "true"),
    element("PrivateProfile_EnableFirewall", "true"),
    element("PublicProfile_EnableFirewall", "true"),
    element("FirewallGroups", group),
  );
}

/**
 * The first run without a question. That a local account stands here, and the pages of accounts and networks are hidden, is
 * what lets it end without a network. The account logs in once by itself: that is when the first commands run.
 */
function firstRun(answers: WindowsAnswers, facts: WindowsFacts): XmlElement {
  const { user, windows } = answers;
  const password = () =>
    element("Password", element("Value", obscured(facts.password)), element("PlainText", "false"));
  return component(
    "Microsoft-Windows-Shell-Setup",
    element(
      "AutoLogon",
      element("Enabled", "true"),
      element("LogonCount", "1"),
      element("Username", user.name),
      password(),
    ),
    element(
      "OOBE",
      element("HideEULAPage", "true"),
      element("HideOEMRegistrationScreen", "true"),
      element("HideOnlineAccountScreens", "true"),
      element("HideWirelessSetupInOOBE", "true"),
      // 3: nothing is turned on that sends something; updates are a matter of the network that policy grants.
      element("ProtectYourPC", "3"),
    ),
    element("TimeZone", windows.timezone),
    element(
      "UserAccounts",
      element(
        "LocalAccounts",
        elementWith(
          "LocalAccount",
          ADD,
          element("Name", user.name),
          element("DisplayName", user.full_name ?? user.name),
          // The first commands install drivers; who shall not stay an administrator is taken out by the last of them.
          element("Group", "Administrators"),
          password(),
        ),
      ),
    ),
    commands("FirstLogonCommands", "CommandLine", firstLogonCommands(answers, CD_LETTERS)),
  );
}
