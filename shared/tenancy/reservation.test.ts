import fc from "fast-check";
import { expect, it } from "vitest";
import { fault } from "../validator.ts";
import { DerivedId } from "./ids.ts";
import { reservationId, reservationKind } from "./reservation.ts";

const scope = fc.constantFrom("email", "ref", "name");
const value = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });

it("is one for all spellings of a value: cases, and Unicode's compositions", () => {
  fc.assert(
    fc.property(scope, value, (of, text) => {
      const id = reservationId(of, text);
      for (const spelling of [text.normalize("NFC"), text.normalize("NFD"), text.toLowerCase()])
        expect(reservationId(of, spelling)).toBe(id);
    }),
  );
  expect(reservationId("email", "ANNA@\u{C4}.example")).toBe(reservationId("email", "anna@a\u{308}.example"));
});

it("differs where the value or what it is reserved for does, and says neither", () => {
  const plain = (text: string) => text.normalize("NFC").toLowerCase();
  fc.assert(
    fc.property(scope, scope, value, value, (one, other, text, another) => {
      const same = one === other && plain(text) === plain(another);
      expect(reservationId(one, text) === reservationId(other, another)).toBe(same);
      expect(fault(DerivedId(one), reservationId(one, text))).toBeUndefined();
    }),
  );
});

it("is kept as a kind of its own", () => {
  expect(reservationKind).toMatchObject({ name: "reservation", schemaVersion: 1, lists: [] });
});
