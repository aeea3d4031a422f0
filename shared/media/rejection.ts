/**
 * Why a guest's recording is refused for good, and what the guest can do about it. Processing the same file again would
 * end the same way; what may go better next time is a {@link ToolFailure} or another error, never a rejection.
 */
export const remedies = {
  too_large: "This video is too large. Please record a shorter one, or choose a lower quality in your camera settings.",
  size_mismatch: "The video did not arrive whole. Please upload it again.",
  checksum_mismatch: "The video changed on its way to us. Please upload it again.",
  unsupported_format:
    "This file is not a video that we can read. Please record with your phone's camera or in the browser, and send that video as it is.",
  no_video_track: "This file has no picture. Please record a video, not only sound.",
  corrupt: "This video is damaged or incomplete. Please check that it plays on your device, or record it again.",
  too_short: "This video is too short. Please record a longer one.",
  too_long: "This video is too long. Please record a shorter one, or split it in parts.",
  malware: "This file was found to be dangerous and has been locked away. Please record a new video.",
} as const;

export type RejectionCode = keyof typeof remedies;
export const rejectionCodes = Object.keys(remedies) as RejectionCode[];

/** The recording is refused. `message` is for the operator's log; {@link remedy} is for the guest. */
export class Rejection extends Error {
  override readonly name = "Rejection";
  readonly code: RejectionCode;

  constructor(code: RejectionCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
  }

  /** One or two sentences that a guest understands and can act on. */
  get remedy(): string {
    return remedies[this.code];
  }
}
