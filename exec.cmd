@rem What "exec" is to other shells, for the scripts in package.json: npm looks for it here.
@%*
