export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1000000000 +0000' GIT_CONFIG_NOSYSTEM=1
git -c init.defaultBranch=main init -q repo; cd repo
for i in $(seq 50); do echo "content $i" > f$i; echo "line $i" >> log; git add -A; git commit -qm "commit $i"; done
git log --oneline | wc -l; git rev-parse HEAD; git log -1 --format='%H %s %an'
git gc -q; git fsck 2>&1; git count-objects -v | grep -E 'packs|in-pack'
git checkout -qb side HEAD~10; echo side > side; git add side; git commit -qm side; git checkout -q main; git merge -q side -m merged; git rev-parse HEAD
git diff HEAD~2 --stat; git blame log | tail -1 | cut -c1-8; git status --short; git stash list; git tag v1; git describe
cd ..; git clone -q repo clone; cd clone; git log --oneline | wc -l; git grep -c 'content 5' | wc -l; git archive HEAD | tar tf - | wc -l
