import { type OwnerKeyWish, provideOwnerKey } from "../../shared/domain/access/owner-key.ts";
import type { Realm } from "../../shared/domain/workspaces.ts";

/** The owner's key as a start of the local host shows it; undefined when it makes none. */
export async function ownerKey(realm: Realm, wish: Partial<OwnerKeyWish> = {}): Promise<string | undefined> {
  let shown: string | undefined;
  const show = (key: string) => {
    shown = key;
    return true;
  };
  const isMade = await provideOwnerKey(realm, {
    replace: false,
    hasConfiguredOwners: false,
    eventRetentionDays: 90,
    show,
    ...wish,
  });
  return isMade ? shown : undefined;
}
