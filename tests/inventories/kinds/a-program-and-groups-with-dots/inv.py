#!/usr/bin/env python3
import json,sys
if sys.argv[1]=="--list": print(json.dumps({"es_master":{"hosts":["m1","m2"],"vars":{"roles":["master"]},"children":["late"]},"late":["d1"],"es.data":{"hosts":["d1"]},"_meta":{"hostvars":{"m1":{"ansible_host":"10.0.0.1","n":None,"deep":{"a":[1,2.50]}}}},"es-empty":{}, "all":{"vars":{"v":1}}}))
else: print("{}")
