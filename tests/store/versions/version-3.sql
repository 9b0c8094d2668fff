-- A database as version 3 wrote it: two rounds, seven decisions, a class renamed. Never changed.
BEGIN TRANSACTION;
CREATE TABLE class_edits (
	edit_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(10) NOT NULL, 
	name TEXT NOT NULL, 
	new_name TEXT, 
	images INTEGER NOT NULL, 
	reviewer TEXT NOT NULL, 
	edited_at VARCHAR(40) NOT NULL, 
	after_decision INTEGER NOT NULL, 
	after_item INTEGER NOT NULL, 
	round_id INTEGER, 
	undoes INTEGER, 
	UNIQUE (undoes)
);
INSERT INTO "class_edits" VALUES(1,'rename','owl','bird',4,'ann','2026-11-22T09:15:14.687+00:00',7,14,1,NULL);
CREATE TABLE classes (
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "classes" VALUES('bird',0);
INSERT INTO "classes" VALUES('caf//e9',1);
INSERT INTO "classes" VALUES('cat',2);
INSERT INTO "classes" VALUES('dog',3);
CREATE TABLE decisions (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	op_id TEXT NOT NULL, 
	item_id INTEGER NOT NULL, 
	action VARCHAR(10) NOT NULL, 
	label_before TEXT NOT NULL, 
	label_after TEXT NOT NULL, 
	reviewer TEXT NOT NULL, 
	decided_at VARCHAR(40) NOT NULL, 
	round_id INTEGER, 
	undoes TEXT, 
	reason TEXT, 
	UNIQUE (op_id), 
	FOREIGN KEY(item_id) REFERENCES items (item_id), 
	UNIQUE (undoes)
);
INSERT INTO "decisions" VALUES(1,'operation-1',4,'move','cat','dog','ann','2026-11-22T09:15:14.409+00:00',1,NULL,'Looks like another');
INSERT INTO "decisions" VALUES(2,'operation-2',8,'exclude','dog','dog','','2026-11-22T09:15:14.437+00:00',1,NULL,'Looks like another');
INSERT INTO "decisions" VALUES(3,'operation-3',12,'skip','owl','owl','ann','2026-11-22T09:15:14.453+00:00',1,NULL,'Looks like another');
INSERT INTO "decisions" VALUES(4,'operation-4',1,'move','caf//e9','owl','','2026-11-22T09:15:14.469+00:00',1,NULL,'Looks like another');
INSERT INTO "decisions" VALUES(5,'operation-5',14,'accept','owl','owl','ann','2026-11-22T09:15:14.475+00:00',1,NULL,'Looks like another');
INSERT INTO "decisions" VALUES(6,'operation-6',14,'undo','owl','owl','ann','2026-11-22T09:15:14.490+00:00',1,'operation-5',NULL);
INSERT INTO "decisions" VALUES(7,'operation-7',14,'accept','owl','owl','ann','2026-11-22T09:15:14.519+00:00',1,'operation-6','Looks like another');
CREATE TABLE dismissals (
	dismissal_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(40) NOT NULL, 
	contents JSON NOT NULL, 
	reviewer TEXT NOT NULL, 
	dismissed_at VARCHAR(40) NOT NULL
);
INSERT INTO "dismissals" VALUES(1,'exact_duplicate','["601944b8188368623cbe2f27dfb1aad8512a43b2df862a28431852442002da4c"]','ann','2026-11-22T09:15:14.915+00:00');
CREATE TABLE facts (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('schema','3');
INSERT INTO "facts" VALUES('root','/data/pets');
CREATE TABLE finding_items (
	finding_id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	PRIMARY KEY (finding_id, item_id), 
	FOREIGN KEY(finding_id) REFERENCES findings (finding_id), 
	FOREIGN KEY(item_id) REFERENCES items (item_id)
);
INSERT INTO "finding_items" VALUES(2,5,0);
INSERT INTO "finding_items" VALUES(2,11,1);
CREATE TABLE findings (
	finding_id INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	paths JSON NOT NULL, 
	severity VARCHAR(10) NOT NULL, 
	detail TEXT NOT NULL, 
	found_by VARCHAR(10) DEFAULT 'scan' NOT NULL, 
	needs INTEGER DEFAULT '0' NOT NULL, 
	dismissed BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (finding_id)
);
INSERT INTO "findings" VALUES(1,'unreadable','["cat/broken.jpg"]','error','The file holds no picture: its first bytes belong to no format that is read.','scan',0,0);
INSERT INTO "findings" VALUES(2,'exact_duplicate','["cat/1.png", "dog/copy.png"]','warning','2 files hold the same bytes in different classes: cat, dog.','scan',2,1);
CREATE TABLE items (
	item_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	path TEXT NOT NULL, 
	given_label TEXT NOT NULL, 
	current_label TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	perceptual_hash TEXT NOT NULL, 
	looks TEXT DEFAULT '' NOT NULL, 
	group_id INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	byte_size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	split VARCHAR(10) NOT NULL, 
	status VARCHAR(10) NOT NULL, 
	quarantined BOOLEAN NOT NULL, 
	present BOOLEAN NOT NULL, 
	queue_position INTEGER, 
	decision INTEGER, 
	misplaced BOOLEAN GENERATED ALWAYS AS (present AND CASE
WHEN quarantined OR status = 'excluded' THEN quarantined <> (status = 'excluded')
ELSE NOT (
    substr(path, 1, length(current_label) + 1) = current_label || '/'
    AND (
        substr(path, length(current_label) + 2, 1) <> '/'
        OR substr(path, length(current_label) + 3, 1) = '/'
    )
) END) STORED
);
INSERT INTO "items" VALUES(1,'bird/0.png','caf//e9','bird','4db2379d999a0f23f800e3a9e8e7b4ac44d3a53c1429d6bad63bfdc83e5c72cb','fe201e001e000e0f0e0f038fe38fe38f0f8f0e0f1e0f1e1ffc1ffc38f870f070a334c9c63b8ebadb50bb9e438b90454b56a1e2a1c0df3aca7bc7ae7e7d655a39bcd043d0c84a5c8b61a852559097a1377e564f73c0a96496476c65637aac74ab555d361f553bc964265e347f592bc6cc574d454269174fb44f345c215549865933848f9e2b2a6d79a45753da','1ed371cf53475b2a010500010502040102020300000202000410040106120f04000f04020001050104030406070a05040b0b01020107010103020306020403050205020203030001',10,48,32,2901,1795338913612757826,'train','moved',0,1,NULL,4);
INSERT INTO "items" VALUES(2,'caf//e9/1.png','caf//e9','caf//e9','661f314cdf2bca485eb407fe3e4a262f8264294563dadb16be04764d3c388522','0e780e780c3ff80ff80f1e070e000e00fc3ff83ff83f00380030f030f078f07842bc5c4236dace2c7b8c2bb78590c4897d7031a0cea7d399d1ce60a2984e6a2b84d34573aa72ca4e7659ad82af4f9ac63e7e4c934a3230418655c5827fc561296ebf2faa6594acbea1c7b9d081b55497932f57bd56617160525a5b47d384ca92b9918d7b6a2c9a9a2e3c93d0','28d77fe447475b2a00020103000409070109070900020000010203080511060501080c060304040003010500030707020505100a0005060200050100000503030002060201040100',0,48,32,2962,1795338913613095242,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(3,'caf//e9/2.png','caf//e9','caf//e9','74e1cfbd22f0ce97d3756501562c0ce4ed52825d7f441f205e137fe749826b2d','07ff07ff0fffbf9ffe0ffc0ffc1f0c3f0e3f0e3d1e39fc39fc31f987f387f38746b3cb8733254d3c92872dd1a96078db7eb5712add5c6b3f7e7f1f5e8d31c446a66dc796655795586a6a907947a32246ae1499d5296d8a8a813633988bb0724b249fca2ae28c66dc4a34cc5886799dbe514c5ab89f44c63270e31975bf809190c54fb277bba76c31d0d231bf','2bbd6dee03476a2a0000080300000308010002020000000401020410050c130a070a0a02000004000504080a05080906020c08000204020000040908000105050000010000000000',1,48,32,2904,1795338913613361772,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(4,'dog/0~2.png','cat','dog','37e7c0eda67bfbcbaa6a39fcb13af3bd2579023e550807b02237a23ff4307ae7','f1c0f1c0f18f1e0f1e0f1e0f1fe0f3e0f3e0e3e00c700c780c3f0e3f1e3f1e1f7384c6b3c0c831b23dbacf63d6b12a52bbc5b657975a842a22da3d2aac404d3a4555c44283743cac60304e9e7959aecb7b9bd371787a659a519571d66866b1a5a490b8a0db354495d7ad62923dc56bbc6e4a416263b5beb4ae96bdab5e89ac2bcfe9c46db8be78d7419ae584','28e98fdb4047a02a000303000100020007020302060400000201000005050e040b0e090b0507030200000102070806060308090a02070a0400000000010003000206020303050507',5,48,32,2968,1795338913597404126,'validation','moved',0,1,NULL,1);
INSERT INTO "items" VALUES(5,'cat/1.png','cat','cat','601944b8188368623cbe2f27dfb1aad8512a43b2df862a28431852442002da4c','81ffc1ffe1f8f1f0f1f07e301e300c30007000f803ff03cf03cf418fe00fe01ff1d73e7fe9a02c887da262b0c49e5be6cd1ee032cea3c34db78992c2a3acc1d9a180c345a73bd062696c76b65d3f6f854479c344515fc4b0c342a6534452a46142d5a08e4646a4816a2bd62a43381b26493f75c84c55bfada39b81c2a0a5b47f5a8a4dae484f755a2ccbd26f','1cdf82fb7a475e2a0504020103080606010503020000010000010307040a0f05010f0702010403010200010400060903040b0a01040509000100000500010400030209030a070702',2,48,32,2930,1795338913597939409,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(6,'cat/2.png','cat','cat','7e49940aaa222f6402b4ac3febc2d8fa9da8b2184409d22bbfba8d200ff03944','0fe00fc00f800f0f1f0fff0fff8ffbfef1f0f0f0e0700478047801f8e1f8e1f9c6595ccb4a25ec53597adf3665c8725938a7ca643a506da1ce7a8b8894b87f4eb7d2a7643e378d7f6a5465ab5cb490af4dd14dd7d9443344a6905bb9b13f4d4a6cbab596827f7557b0b1814ca58b568ba383537a8a93d98087cb9e52116f6a362d3ebdb13dd8af75d52bb7b5','29d97fe91647062b00000a0300000403000106000101020000000503020d0f0403060e0806070000020102030a0d0c0503060c080201000004030001090b03040006050000060100',3,48,32,2897,1795338913598327681,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(7,'dog/0.png','dog','dog','42d9bd1db784b2aea42165ed35aaf5160bf6ac2861fdea33cea7cc192a9548be','0380038003c003c003c007e00fe00ff00c70fc700ef007cf07cf0fcf0e0f0e1fe7b3b3cb8348dd2fc9c2c84e179b90303bd47946b95626af45148db65a7b2f8c231d241d83ab2b242b3c1656536eba6cb0b51e8d2322a27f2431a14f388ec03661a5309d7c4835a4cf4d63202391203aa1849b78b1923d72ce8252c8a118548a18808f6361915c7140cf9b9b','11d770d57f47d229060611010505110503070e02000202000202070703050d0106060501000404000301030105040302060c02000603010000010103030502010602060103010202',4,48,32,2882,1795338913598539038,'train','unreviewed',0,1,0,NULL);
INSERT INTO "items" VALUES(8,'dog/1.png','dog','dog','38fb65533da1b3be72e6065a10b1b7fb58fd27354e18ff95550198425e734e75','f83ff01ff00041800180078f0f0f0e0f0e0f1e00fe00ff9fffdffe3ffc3ffc3f5e48d89fe84b69eaa34d9ddeb963dc80ab93b2da953ed5c949aa81ce6ca5ab20af323479dfae6d893b637c59a7775c7a78287c8b95744bba1e31a487acbda73f97b524946c8448b7214d4b3c65a54d905c708b685093c6cba6357e12ae9e338a388da4bb2925506d83a0b02a','2ed67cf15047d3290005000202050600020a0b07010001030004070300091003020a0d060301060302040b0402070606050607030204070003010201000104040304010102030400',7,48,32,2977,1795338913598823024,'train','excluded',1,1,NULL,2);
INSERT INTO "items" VALUES(9,'dog/2.png','dog','dog','30011b254db574275398f48c9fbec81b65fba2c34dd244f0cfce4e664106cb9a','418fe18fe18ff1cff1cff1cfe1ff018f038f078f0f0f0e071e101e381c381c389edfab9aeab136c5cd81b6303b4dc5b0b6ba1c8b5859cd786c3865916a543f53d12aadf1146bb2198d283b4372733366a3275d8243a58073af3f84309153812a96825129806e693a7fad274a8512aeda5046ce407297329c71c12cb146bf2f38b99d485134a65d6ca88a675b','2ed971e43847f82a00010202030705080908030503060104000b0702060c0d080b08020103050303010b0500030907050707010103030a0302010000010000000100010000020200',6,48,32,2916,1795338913599077295,'test','unreviewed',0,1,1,NULL);
INSERT INTO "items" VALUES(10,'dog/3.png','dog','dog','b1e84c84a3b20600b05c67d4febbad23fe8425e78a5e48b14b334eda36b9aa10','0c3e0c3e0c78007001f0e1c0f1c0f1c0e1c001e004f006700787038f038f038fd88ed87c8d44a583b936818d8099c263d84653d3c64b8670733f689a3f2bd15d6c9e4270cc5acdd9addda753a56ec28ec56b5c76367ea3a2c68776b0466e814b7ec2358b7a1a1da284d2ae7039417723345b2b9667295629219db7dfd84492c5cb22a6c1a2dc622172ce97de','18e47bd98747552a00010a0000050300000406020000000106120900010b090303040806030205060509030002060b030105070e0000020700000402000901080000010d00000008',7,48,32,2931,1795338913599474221,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(11,'dog/copy.png','dog','dog','601944b8188368623cbe2f27dfb1aad8512a43b2df862a28431852442002da4c','81ffc1ffe1f8f1f0f1f07e301e300c30007000f803ff03cf03cf418fe00fe01ff1d73e7fe9a02c887da262b0c49e5be6cd1ee032cea3c34db78992c2a3acc1d9a180c345a73bd062696c76b65d3f6f854479c344515fc4b0c342a6534452a46142d5a08e4646a4816a2bd62a43381b26493f75c84c55bfada39b81c2a0a5b47f5a8a4dae484f755a2ccbd26f','1cdf82fb7a475e2a0504020103080606010503020000010000010307040a0f05010f0702010403010200010400060903040b0a01040509000100000500010400030209030a070702',2,48,32,2930,1795338913613678046,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(12,'bird/0~2.png','owl','bird','708bda0bcff4e0a9d1a11c969db64ddb1f2f540db60a5010e7b8ceb1e3dbab48','f078f078f1f0e1c0e3c00fc00f600fe071c0f1c0f1e0f070f838f83ff81ff81f8a57cdcba15e2790897047a1b9acabd668dc2693795b84a559467ab38f4da2564e6e3a277e9cbf575255c444b16098bb7d8b96cf2c2b512fce1cbf7e93344cc05052a33ad8b41bb629428838b186bb6b53d21ca77f709b607d6f745598cf5052eb4232b2223a554a91af8ae1','30be70e2f746482a00020400000307000006090100010400040404040109130300070e030000000008040507010e0c0800070604000001010b050902050701060304000400000101',9,48,32,2957,1795338913599665097,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(13,'bird/1.png','owl','bird','3a00a49cba24e241110a518fc155d68f0e98695eeaaae8462db269c5f81b42d7','e07fe07ff1fff3f0f3f0e1f800ff007ffc3ffc0ffc07f000e186e00f401f003fd8613fac7e6fa853759e2250d745b1e9d68730418a2c8357514e739ba868ceb5ce6fc79b917e97af7226692448423268a151bd89b42e35774b59845db96f5a6d3d404b1b8c515b238296c97fcb75a47c43aa49cd293bbe423c2e56d66a55ca4f9240883e36a64b3fdda5bc6b','26e073ce6147f7290407090403070201000400000100000003090803070a070302070400010b05000208050106130404050b05050204050000000200060805030101030300040301',11,48,32,2822,1795338913608300270,'train','unreviewed',0,1,NULL,NULL);
INSERT INTO "items" VALUES(14,'bird/2.png','owl','bird','cb61745f007ca65492d1848462fc59de8052cf42dbc826abacd9abf76bdce1dd','fc78fc38fc38fc38fc30fc300c300e0f038f038f0f8f1f8f1f8f038f018f018f2883e678d0a2b8c64d282fce3bc47f44c09d5835c0d37198e499b78d54911cb9813886a5a89b54ad7c3365c62f6173ab25a552be3ca458c62a688c913ea133c4942c6b342a7db3249c7131c34179d069bde47fa1ac543377e068d9d70de19b1e65367ba362a37825173ad629','25ce83f42f47ea29000100070100020405040a05060403000501040105020904070605010b0807010502020109070e01060902000203010000010201040607040802070409010000',12,48,32,2966,1795338913608776444,'train','accepted',0,1,NULL,7);
CREATE TABLE jobs (
	job_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(20) NOT NULL, 
	settings JSON NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	pid INTEGER, 
	stage TEXT NOT NULL, 
	done BIGINT NOT NULL, 
	total BIGINT NOT NULL, 
	message TEXT NOT NULL, 
	curves JSON NOT NULL, 
	result JSON, 
	error TEXT, 
	created_at VARCHAR(40) NOT NULL, 
	stage_started_at VARCHAR(40), 
	updated_at VARCHAR(40), 
	finished_at VARCHAR(40)
);
INSERT INTO "jobs" VALUES(1,'score','{"views": 4}','done',0,NULL,'Starting',0,0,'','{}','{"round": 1}',NULL,'2026-01-01T00:00:00.000+00:00',NULL,NULL,'2026-01-01T00:01:00.000+00:00');
CREATE TABLE leases (
	item_id INTEGER NOT NULL, 
	holder VARCHAR(64) NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (item_id), 
	FOREIGN KEY(item_id) REFERENCES items (item_id)
);
INSERT INTO "leases" VALUES(7,'page-0001',1.7953390347843296528e+09);
INSERT INTO "leases" VALUES(9,'page-0001',1.7953390347843296528e+09);
CREATE TABLE models (
	model_id VARCHAR(64) NOT NULL, 
	architecture TEXT NOT NULL, 
	class_names JSON NOT NULL, 
	folder TEXT NOT NULL, 
	history JSON NOT NULL, 
	receipt JSON NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (model_id)
);
INSERT INTO "models" VALUES('m1','mobilenet_v2_1.0_224','["cat", "dog"]','/gone/m1','{"loss": [0.5]}','{"accuracy": 0.9}','2026-01-02T00:00:00.000+00:00');
CREATE TABLE moves (
	move_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	item_id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	FOREIGN KEY(item_id) REFERENCES items (item_id)
);
INSERT INTO "moves" VALUES(1,1,'dataset/caf//e9/0.png','dataset/owl/0~2.png','4db2379d999a0f23f800e3a9e8e7b4ac44d3a53c1429d6bad63bfdc83e5c72cb','done');
INSERT INTO "moves" VALUES(2,4,'dataset/cat/0.png','dataset/dog/0~2.png','37e7c0eda67bfbcbaa6a39fcb13af3bd2579023e550807b02237a23ff4307ae7','done');
INSERT INTO "moves" VALUES(3,8,'dataset/dog/1.png','quarantine/dog/1.png','38fb65533da1b3be72e6065a10b1b7fb58fd27354e18ff95550198425e734e75','done');
INSERT INTO "moves" VALUES(4,1,'dataset/owl/0~2.png','dataset/bird/0.png','4db2379d999a0f23f800e3a9e8e7b4ac44d3a53c1429d6bad63bfdc83e5c72cb','done');
INSERT INTO "moves" VALUES(5,12,'dataset/owl/0.png','dataset/bird/0~2.png','708bda0bcff4e0a9d1a11c969db64ddb1f2f540db60a5010e7b8ceb1e3dbab48','done');
INSERT INTO "moves" VALUES(6,13,'dataset/owl/1.png','dataset/bird/1.png','3a00a49cba24e241110a518fc155d68f0e98695eeaaae8462db269c5f81b42d7','done');
INSERT INTO "moves" VALUES(7,14,'dataset/owl/2.png','dataset/bird/2.png','cb61745f007ca65492d1848462fc59de8052cf42dbc826abacd9abf76bdce1dd','done');
CREATE TABLE picks (
	pick_id VARCHAR(16) NOT NULL, 
	item_id INTEGER NOT NULL, 
	made_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (pick_id, item_id), 
	FOREIGN KEY(item_id) REFERENCES items (item_id)
);
INSERT INTO "picks" VALUES('3a316d6d3226f84c',1,'2026-11-22T09:15:14.770848+00:00');
INSERT INTO "picks" VALUES('3a316d6d3226f84c',2,'2026-11-22T09:15:14.770848+00:00');
CREATE TABLE rounds (
	round_id INTEGER NOT NULL, 
	model_id TEXT NOT NULL, 
	images INTEGER NOT NULL, 
	flagged INTEGER NOT NULL, 
	reviewed INTEGER DEFAULT '0' NOT NULL, 
	relabelled INTEGER DEFAULT '0' NOT NULL, 
	excluded INTEGER DEFAULT '0' NOT NULL, 
	accuracy FLOAT NOT NULL, 
	seconds JSON NOT NULL, 
	settings JSON NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	closed_at VARCHAR(40), 
	ready BOOLEAN DEFAULT 1 NOT NULL, 
	PRIMARY KEY (round_id)
);
INSERT INTO "rounds" VALUES(1,'none',14,5,4,2,1,0.5,'{"features": 0.0, "training": 0.0, "total": 0.0}','{}','2026-01-01T00:00:00+00:00','2026-01-03T00:00:00+00:00',1);
INSERT INTO "rounds" VALUES(2,'none',13,2,0,0,0,0.5,'{"features": 0.0, "training": 0.0, "total": 0.0}','{}','2026-01-03T00:00:00+00:00',NULL,1);
CREATE TABLE scores (
	round_id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	suggested_label TEXT NOT NULL, 
	self_confidence FLOAT NOT NULL, 
	suggested_confidence FLOAT NOT NULL, 
	label_quality FLOAT NOT NULL, 
	flagged BOOLEAN NOT NULL, 
	reasons JSON NOT NULL, 
	reason_kinds VARCHAR(60) DEFAULT '' NOT NULL, 
	signals JSON DEFAULT '{}' NOT NULL, 
	PRIMARY KEY (round_id, item_id), 
	FOREIGN KEY(round_id) REFERENCES rounds (round_id), 
	FOREIGN KEY(item_id) REFERENCES items (item_id)
);
INSERT INTO "scores" VALUES(1,4,0,'dog',0.1,0.9,0.1,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(1,8,1,'owl',0.1,0.9,0.11,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(1,12,2,'cat',0.1,0.9,1.20000000000000009436e-01,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(1,1,3,'owl',0.1,0.9,0.13,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(1,14,4,'cat',0.1,0.9,0.14,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(1,2,5,'caf//e9',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,3,6,'caf//e9',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,5,7,'cat',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,6,8,'cat',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,7,9,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,9,10,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,10,11,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,11,12,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(1,13,13,'owl',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,7,0,'cat',0.1,0.9,0.1,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(2,9,1,'cat',0.1,0.9,0.11,1,'["Looks like another"]','rival','{"label_posterior": 0.05}');
INSERT INTO "scores" VALUES(2,1,2,'bird',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,2,3,'caf//e9',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,3,4,'caf//e9',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,4,5,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,5,6,'cat',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,6,7,'cat',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,10,8,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,11,9,'dog',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,12,10,'bird',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,13,11,'bird',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
INSERT INTO "scores" VALUES(2,14,12,'bird',0.9,0.9,0.9,0,'[]','','{"label_posterior": 0.99}');
CREATE INDEX items_path ON items (path);
CREATE INDEX items_decision ON items (decision) WHERE decision IS NOT NULL;
CREATE INDEX items_counts ON items (status, current_label, given_label) WHERE present = 1;
CREATE INDEX ix_items_content_hash ON items (content_hash);
CREATE INDEX items_queue ON items (queue_position) WHERE queue_position IS NOT NULL;
CREATE INDEX items_misplaced ON items (item_id) WHERE misplaced = 1;
CREATE TRIGGER class_edits_never_change BEFORE UPDATE ON class_edits BEGIN SELECT RAISE(ABORT, 'class_edits are only appended to');
END;
CREATE TRIGGER class_edits_never_go BEFORE DELETE ON class_edits BEGIN SELECT RAISE(ABORT, 'class_edits are only appended to');
END;
CREATE TRIGGER class_edits_never_replaced BEFORE INSERT ON class_edits WHEN EXISTS (SELECT 1 FROM class_edits WHERE edit_id = NEW.edit_id) OR EXISTS (SELECT 1 FROM class_edits WHERE undoes = NEW.undoes) BEGIN SELECT RAISE(ABORT, 'class_edits are only appended to');
END;
CREATE INDEX ix_findings_kind ON findings (kind);
CREATE INDEX findings_severity ON findings (severity, finding_id);
CREATE INDEX ix_dismissals_kind ON dismissals (kind);
CREATE UNIQUE INDEX jobs_one_active ON jobs ((1)) WHERE state IN ('waiting', 'running');
CREATE INDEX scores_position ON scores (round_id, position);
CREATE INDEX ix_decisions_reviewer ON decisions (reviewer);
CREATE INDEX ix_decisions_item_id ON decisions (item_id);
CREATE INDEX ix_decisions_round_id ON decisions (round_id);
CREATE TRIGGER decisions_never_change BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only appended to');
END;
CREATE TRIGGER decisions_never_go BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only appended to');
END;
CREATE TRIGGER decisions_never_replaced BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE sequence = NEW.sequence) OR EXISTS (SELECT 1 FROM decisions WHERE op_id = NEW.op_id) OR EXISTS (SELECT 1 FROM decisions WHERE undoes = NEW.undoes) BEGIN SELECT RAISE(ABORT, 'decisions are only appended to');
END;
CREATE INDEX ix_moves_state ON moves (state);
CREATE INDEX ix_moves_item_id ON moves (item_id);
CREATE INDEX ix_finding_items_item_id ON finding_items (item_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('items',14);
INSERT INTO "sqlite_sequence" VALUES('decisions',7);
INSERT INTO "sqlite_sequence" VALUES('moves',7);
INSERT INTO "sqlite_sequence" VALUES('class_edits',1);
INSERT INTO "sqlite_sequence" VALUES('dismissals',1);
INSERT INTO "sqlite_sequence" VALUES('jobs',1);
COMMIT;
