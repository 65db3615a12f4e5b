# npm without a network: scripts, pack, install of a file, errors.
# needs: npm
# timeout: 120
mkdir p; cd p; printf '{"name":"p","version":"1.0.0","scripts":{"test":"node -e \\"console.log(1)\\""}}' >package.json; echo 'module.exports=42' >index.js
export npm_config_cache=$PWD/../c npm_config_update_notifier=false npm_config_audit=false npm_config_fund=false npm_config_offline=true
npm --version >/dev/null; echo $?; npm test --silent; npm pack --silent; mkdir ../q; cd ../q; npm init -y >/dev/null; npm install --silent ../p/p-1.0.0.tgz; echo $?; node -p 'require("p")'; npm ls --parseable | wc -l; npm install no-such-package-here >/dev/null 2>&1; echo $?; npx --offline no-such >/dev/null 2>&1; echo $?
