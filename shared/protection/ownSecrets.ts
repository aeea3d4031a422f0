/** How a secret that the app makes for itself lives in the vault. Every other secret is none of this app's business. */
export interface OwnSecret {
  /** A version expires after this time; its successor is made before. */
  readonly lifetimeDays: number;
  /**
   * How long a replaced version stays usable: longer than any instance may have it cached, and than anything made with it
   * may be presented.
   */
  readonly overlapDays: number;
}

/** Every secret of ours in the vault: what is not listed here can neither be used nor rotated. */
export const ownSecrets = {
  /** Keys the hash of callers' addresses in the log. Nobody presents such a hash; new ones do not compare with old ones. */
  "address-hash-key": {
    lifetimeDays: 90,
    overlapDays: 1,
  },
} as const satisfies Readonly<Record<string, OwnSecret>>;

export type OwnSecretName = keyof typeof ownSecrets;

export const ownSecretNames = Object.keys(ownSecrets) as readonly OwnSecretName[];
