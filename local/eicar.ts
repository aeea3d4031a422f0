/**
 * The text that virus scanners agreed to find, harmless by itself (https://www.eicar.org/download-anti-malware-testfile/).
 * In two parts, so that they do not find it here.
 */
export const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
