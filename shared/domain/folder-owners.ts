import { folderOfUri } from "./artifact-paths.ts";

/** Which things keep their files in which folder of our artifact store. */
export class FolderOwners {
  private readonly idsByFolder = new Map<string, Set<string>>();
  private readonly folderById = new Map<string, string>();

  /** @param uri where the files of `id` are; in another store, it owns no folder */
  set(id: string, uri: string): void {
    const folder = folderOfUri(uri);
    if (this.folderById.get(id) === folder) return;
    this.remove(id);
    if (folder === undefined) return;
    this.folderById.set(id, folder);
    this.idsByFolder.set(folder, (this.idsByFolder.get(folder) ?? new Set()).add(id));
  }

  remove(id: string): void {
    const folder = this.folderById.get(id);
    if (folder === undefined) return;
    this.folderById.delete(id);
    const ids = this.idsByFolder.get(folder)!;
    ids.delete(id);
    if (ids.size === 0) this.idsByFolder.delete(folder);
  }

  /** Of this very folder. */
  of(folder: string): readonly string[] {
    return [...(this.idsByFolder.get(folder) ?? [])];
  }

  /** Of this folder and those below it. */
  *within(folder: string): Generator<{ id: string; folder: string }> {
    for (const [each, ids] of this.idsByFolder) {
      if (each === folder || each.startsWith(`${folder}/`)) for (const id of ids) yield { id, folder: each };
    }
  }
}
