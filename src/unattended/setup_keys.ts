/**
 * The keys that Microsoft publishes for installing an edition ("KMS client setup keys"). Such a key says which edition is meant,
 * so that Setup need not ask; it activates nothing.
 * https://learn.microsoft.com/windows-server/get-started/kms-client-activation-keys
 */
const SETUP_KEYS: Readonly<Record<string, string>> = {
  "Pro": "W269N-WFGWX-YVC9B-4J6C9-T83GX",
  "Pro N": "MH37W-N47XK-V7XM9-C7227-GCQG9",
  "Pro for Workstations": "NRG8B-VKK3Q-CXVCJ-9G2XF-6Q84J",
  "Pro for Workstations N": "9FNHH-K3HBT-3W4TD-6383H-6XYWF",
  // The same one, as media name it.
  "Pro N for Workstations": "9FNHH-K3HBT-3W4TD-6383H-6XYWF",
  "Pro Education": "6TP4R-GNPTD-KYYHQ-7B7DP-J447Y",
  "Pro Education N": "YVWGF-BXNMC-HTQYQ-CPQ99-66QFC",
  "Education": "NW6C2-QMPVW-D7KKK-3GKT6-VCFB2",
  "Education N": "2WH4N-8QGBV-H22JP-CT43Q-MDWWJ",
  "Enterprise": "NPPR9-FWDCX-D2C8J-H872K-2YT43",
  "Enterprise N": "DPH2V-TTNVB-4X9Q3-TJR4H-KHJW4",
};

/** The published key of an edition as a medium names it (`Windows 11 Pro`); undefined where none is published (Home). */
export function setupKeyOf(edition: string): string | undefined {
  const name = /^Windows 1[01] (.+)$/i.exec(edition)?.[1]?.toLowerCase();
  return Object.entries(SETUP_KEYS).find(([known]) => known.toLowerCase() === name)?.[1];
}
