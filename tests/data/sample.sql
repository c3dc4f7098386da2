ihhailov', 'Hanna', 'Mihhailov', 'hanna.mihhailov@')
  , ('Arshagouhi Deilami', 'Arshagouhi', 'Deilami', 'arshagouhi@')
  , ('Shah Alizadeh', 'Shah', 'Alizadeh', 's_alizadeh@')
  , ('Ethan Onslow', 'Ethan', 'Onslow', 'ethan@')
  , ('Paulus Lippmaa', 'Paulus', 'Lippmaa', 'paulus@')
  , ('Henry Forlonge', 'Henry', 'Forlonge', 'henry@')
  , ('Kerstin Parn', 'Kerstin', 'Parn', 'kerstin@')
  , ('Helen Ahven', 'Helen', 'Ahven', 'h.ahven@')
  , ('Edgar Jogi', 'Edgar', 'Jogi', 'ejogi@')
  , ('Hudson Hollinworth', 'Hudson', 'Hollinworth', 'hudson@')
  , ('Hathai Mookjai', 'Hathai', 'Mookjai', 'hathai@')
  , ('Lily Code', 'Lily', 'Code', 'l.code@')
  , ('Kristi Part', 'Kristi', 'Part', 'k.part@')
  , ('Richard Zahradnicek', 'Richard', 'Zahradnicek', 'r.zahradnicek@')
  , ('Chompoo Atitarn', 'Chompoo', 'Atitarn', 'chompoo@')
  , ('Veronika Necesana', 'Veronika', 'Necesana', 'veronika@')
  , ('Libor safranek', 'Libor', 'safranek', 'l.safranek@')
  , ('Adriana Horackova', 'Adriana', 'Horackova', 'ahorackova@')
  , ('Libuse Kuchtova', 'Libuse', 'Kuchtova', 'libuse@')
  , ('Naveed Alizadeh', 'Naveed', 'Alizadeh', 'naveed@')
  , ('Lale Javan', 'Lale', 'Javan', 'lale.javan@')
  , ('Pongrit Srisati', 'Pongrit', 'Srisati', 'pongrit.srisati@')
  , ('Stanislav Sedlar', 'Stanislav', 'Sedlar', 's.sedlar@')
  , ('Prasert Supitayaporn', 'Prasert', 'Supitayaporn', 'prasert@')
  , ('Amornrat Rattanaporn', 'Amornrat', 'Rattanaporn', 'a_rattanaporn@')
  , ('Taj Shand', 'Taj', 'Shand', 'taj.shand@')
  , ('Amporn Jetjirawat', 'Amporn', 'Jetjirawat', 'amporn@')
  , ('Alica Vincent', 'Alica', 'Vincent', 'a.vincent@')
  , ('Inna Kask', 'Inna', 'Kask', 'inna@')
  , ('Akhtar Shahrestaani', 'Akhtar', 'Shahrestaani', 'akhtar@')
  , ('Aita Kasesalu', 'Aita', 'Kasesalu', 'aita@')
  , ('Farzana Habibi', 'Farzana', 'Habibi', 'farzana@')
  , ('Airi Vassiljev', 'Airi', 'Vassiljev', 'airi.vassiljev@')
  , ('Aile Aasmae', 'Aile', 'Aasmae', 'a.aasmae@')
  , ('Elnaz Rahimi', 'Elnaz', 'Rahimi', 'elnaz.rahimi@')
  , ('Archer Lamble', 'Archer', 'Lamble', 'archer@')
  , ('Darakhshan Javaherian', 'Darakhshan', 'Javaherian', 'darakhshan.javaherian@')
  , ('Duangrat Atitarn', 'Duangrat', 'Atitarn', 'duangrat@')
  , ('Aleksandra Semjonov', 'Aleksandra', 'Semjonov', 'a.semjonov@')
  , ('Chati Ornlamai', 'Chati', 'Ornlamai', 'cornlamai@')
  , ('Pracha Nantakarn', 'Pracha', 'Nantakarn', 'p.nantakarn@')
  , ('Mina Omidzadeh', 'Mina', 'Omidzadeh', 'm.omidzadeh@')
  , ('Preecha Suppamongkon', 'Preecha', 'Suppamongkon', 'p.suppamongkon@')
  , ('Piper Koch', 'Piper', 'Koch', 'piper@')
  , ('Katie Darwin', 'Katie', 'Darwin', 'katie@')
  , ('Jai Shand', 'Jai', 'Shand', 'jai@')
  , ('Kristi Kuusik', 'Kristi', 'Kuusik', 'k_kuusik@')
  , ('Allan Mannik', 'Allan', 'Mannik', 'amannik@')
  , ('Chuan Wattanasin', 'Chuan', 'Wattanasin', 'cwattanasin@')
  , ('Ester Ahmadian', 'Ester', 'Ahmadian', 'ester@')
  , ('Kahkushan Shakiba', 'Kahkushan', 'Shakiba', 'kahkushan@')
  , ('Ivana Hadrabova', 'Ivana', 'Hadrabova', 'ivana@')
  , ('Jack Potter', 'Jack', 'Potter', 'j.potter@')
  , ('Premwadee Atitarn', 'Premwadee', 'Atitarn', 'premwadee@')
  , ('Shah Omidi', 'Shah', 'Omidi', 'shah.omidi@')
  , ('Max Shand', 'Max', 'Shand', 'max@')
  , ('Sakchai Supitayaporn', 'Sakchai', 'Supitayaporn', 'sakchai@')
  , ('Pari Hosseini', 'Pari', 'Hosseini', 'pari.hosseini@')
  , ('Adirake Narkbunnum', 'Adirake', 'Narkbunnum', 'a.narkbunnum@')
  , ('Vitezslav Rehak', 'Vitezslav', 'Rehak', 'v.rehak@')
  , ('Nadir Seddigh', 'Nadir', 'Seddigh', 'nadir@')
  , ('Chuan Wongsawat', 'Chuan', 'Wongsawat', 'chuan@')
  , ('Intira Mookjai', 'Intira', 'Mookjai', 'intira@')
  , ('Ondrej Tomek', 'Ondrej', 'Tomek', 'ondrej@')
  , ('Prasong Tuntayakul', 'Prasong', 'Tuntayakul', 'prasong@')
  , ('Premwadee Saowaluk', 'Premwadee', 'Saowaluk', 'premwadee@')
  , ('Martina Omelkova', 'Martina', 'Omelkova', 'martina.omelkova@')
  , ('Logan Dixon', 'Logan', 'Dixon', 'logan@')
  , ('Cyrus Zardindoost', 'Cyrus', 'Zardindoost', 'cyrus@')
  , ('Aleksander Jarvi', 'Aleksander', 'Jarvi', 'aleksander@')
  , ('Farzana Abbasi', 'Farzana', 'Abbasi', 'farzana@')
  , ('Gustav Korjus', 'Gustav', 'Korjus', 'g.korjus@')
  , ('Jack Carpenter', 'Jack', 'Carpenter', 'jack@')
  , ('Malee Charoenkul', 'Malee', 'Charoenkul', 'mcharoenkul@')
  , ('Verona Sykorova', 'Verona', 'Sykorova', 'verona@')
  , ('Karel Sedlar', 'Karel', 'Sedlar', 'k_sedlar@')
  , ('Karel Hanak', 'Karel', 'Hanak', 'karel@')
  , ('Deeba Hemmati', 'Deeba', 'Hemmati', 'd.hemmati@')
  , ('Ruby Charlton', 'Ruby', 'Charlton', 'ruby@')
  , ('Naseem Radan', 'Naseem', 'Radan', 'naseem@')
  , ('David Svoboda', 'David', 'Svoboda', 'david.svoboda@')
  , ('Sirirat Kongpaisarn', 'Sirirat', 'Kongpaisarn', 'sirirat@')
  , ('Milada Kubatova', 'Milada', 'Kubatova', 'milada.kubatova@')
  , ('Arnost Hovorka', 'Arnost', 'Hovorka', 'arnost@')
  , ('Amanat Shaker Doust', 'Amanat', 'Shaker Doust', 'amanat@')
  , ('Kwanjai Saowaluk', 'Kwanjai', 'Saowaluk', 'k.saowaluk@')
  , ('Mina Bagheri', 'Mina', 'Bagheri', 'm.bagheri@')
  , ('Emily Whittle', 'Emily', 'Whittle', 'emily@')
  , ('Veronika Svancarova', 'Veronika', 'Svancarova', 'v_svancarova@')
  , ('Brayden Macnamara', 'Brayden', 'Macnamara', 'b_macnamara@')
  , ('Kevin Rummo', 'Kevin', 'Rummo', 'kevin@')
  , ('Filip Sedlar', 'Filip', 'Sedlar', 'f_sedlar@')
  , ('Lubomir Spousta', 'Lubomir', 'Spousta', 'lubomir@')
  , ('Adirake Saenamuang', 'Adirake', 'Saenamuang', 'adirake@')
GO

INSERT INTO [DataLoadSimulation].[FicticiousNamePool]
  (FullName, PreferredName, LastName, ToEmail)
VALUES
  ('Bozena Divisova', 'Bozena', 'Divisova', 'bdivisova@')
  , ('Edward Alfred', 'Edward', 'Alfred', 'ealfred@')
  , ('Ava Edden', 'Ava', 'Edden', 'ava@')
  , ('Margita Kopecka', 'Margita', 'Kopecka', 'margita@')
  , ('Alena Kellnerova', 'Alena', 'Kellnerova', 'akellnerova@')
  , ('Pavel Bohuslav', 'Pavel', 'Bohuslav', 'pavel@')
  , ('Tereza Stolinova', 'Tereza', 'Stolinova', 't.stolinova@')
  , ('Mary Barney', 'Mary', 'Barney', 'mary@')
  , ('Afshin Djalili', 'Afshin', 'Djalili', 'afshin@')
  , ('Marcela Mencikova', 'Marcela', 'Mencikova', 'm_mencikova@')
  , ('Hanna Piip', 'Hanna', 'Piip', 'hanna@')
  , ('Neelam Ahmadi', 'Neelam', 'Ahmadi', 'neelam@')
  , ('Antonin Holy', 'Antonin', 'Holy', 'a.holy@')
  , ('Monika Kozakova', 'Monika', 'Kozakova', 'monika@')
  , ('Piper Leigh', 'Piper', 'Leigh', 'piper@')
  , ('Ivo Valek', 'Ivo', 'Valek', 'ivo@')
  , ('Ethan Hopkins', 'Ethan', 'Hopkins', 'ethan@')
  , ('Lucie Hrdlickova', 'Lucie', 'Hrdlickova', 'l_hrdlickova@')
  , ('Durdanah Abbasi', 'Durdanah', 'Abbasi', 'durdanah@')
  , ('Mark Korjus', 'Mark', 'Korjus', 'mark@')
  , ('Kertu Smirnov', 'Kertu', 'Smirnov', 'k.smirnov@')
  , ('Fatemeh Javan', 'Fatemeh', 'Javan', 'fatemeh@')
  , ('Surat Pornpipatpong', 'Surat', 'Pornpipatpong', 's.pornpipatpong@')
  , ('Georg Valbe', 'Georg', 'Valbe', 'georg.valbe@')
  , ('Angelina Gormanston', 'Angelina', 'Gormanston', 'agormanston@')
  , ('Karel Hybl', 'Karel', 'Hybl', 'karel@')
  , ('Nasrin Fard', 'Nasrin', 'Fard', 'nasrin@')
  , ('Chaowalit Rojumanong', 'Chaowalit', 'Rojumanong', 'c.rojumanong@')
  , ('Kurt Balog', 'Kurt', 'Balog', 'kbalog@')
  , ('Jackson Kolios', 'Jackson', 'Kolios', 'j.kolios@')
  , ('Chaowalit Pornpipatpong', 'Chaowalit', 'Pornpipatpong', 'cpornpipatpong@')
  , ('Indiana Fritzsche', 'Indiana', 'Fritzsche', 'i.fritzsche@')
  , ('Sara Charlton', 'Sara', 'Charlton', 's_charlton@')
  , ('Zac Wintle', 'Zac', 'Wintle', 'zac@')
  , ('Taj Syme', 'Taj', 'Syme', 'tsyme@')
  , ('Bianca Lack', 'Bianca', 'Lack', 'bianca@')
  , ('Chompunut Jetjirawat', 'Chompunut', 'Jetjirawat', 'chompunut@')
  , ('Liidia Lepp', 'Liidia', 'Lepp', 'llepp@')
  , ('Flynn Moresby', 'Flynn', 'Moresby', 'f_moresby@')
  , ('Bahaar Asef zade', 'Bahaar', 'Asef zade', 'basef zade@')
  , ('Jai Lamble', 'Jai', 'Lamble', 'jai@')
  , ('Libuse Srbova', 'Libuse', 'Srbova', 'libuse.srbova@')
  , ('Busarakham Kitjakarn', 'Busarakham', 'Kitjakarn', 'busarakham@')
  , ('Ivana Kozakova', 'Ivana', 'Kozakova', 'ivana.kozakova@')
  , ('Vaclav Polaskova', 'Vaclav', 'Polaskova', 'vaclav.polaskova@')
  , ('Risto Lill', 'Risto', 'Lill', 'risto@')
  , ('Jawid Pourali', 'Jawid', 'Pourali', 'jawid@')
  , ('David Novacek ', 'David', 'Novacek ', 'dnovacek @')
  , ('Vallo Vesik', 'Vallo', 'Vesik', 'v.vesik@')
  , ('Aija Lukstina', 'Aija', 'Lukstina', 'aija.lukstina@')
  , ('Mai Thai', 'Mai', 'Thai', 'mai@')
  , ('Phoung Du', 'Phoung', 'Du', 'phoung@')
  , ('Sabine Zalite', 'Sabine', 'Zalite', 's.zalite@')
  , ('Brenda Morgan', 'Brenda', 'Morgan', 'b_morgan@')
  , ('Tami Braggs', 'Tami', 'Braggs', 'tami@')
  , ('Hoang La', 'Hoang', 'La', 'hoang@')
  , ('Aleksandra Abola', 'Aleksandra', 'Abola', 'aleksandra@')
  , ('Natalia Pokorna', 'Natalia', 'Pokorna', 'natalia@')
  , ('Huu Hoa', 'Huu', 'Hoa', 'huu@')
  , ('Krista Andrejev', 'Krista', 'Andrejev', 'k_andrejev@')
  , ('Agrita Abele', 'Agrita', 'Abele', 'aabele@')
  , ('Julia Konecna', 'Julia', 'Konecna', 'j.konecna@')
  , ('Karie Seymour', 'Karie', 'Seymour', 'karie@')
  , ('Kim-ly Vanh', 'Kim-ly', 'Vanh', 'kim-ly.vanh@')
  , ('Be Dang', 'Be', 'Dang', 'b.dang@')
  , ('Marten Keskkula', 'Marten', 'Keskkula', 'marten.keskkula@')
  , ('Cuc Du', 'Cuc', 'Du', 'cuc.du@')
  , ('Jack Walker', 'Jack', 'Walker', 'jack@')
  , ('Hele Semjonov', 'Hele', 'Semjonov', 'h_semjonov@')
  , ('Be Trang', 'Be', 'Trang', 'b.trang@')
  , ('Mario Jogi', 'Mario', 'Jogi', 'mario@')
  , ('Kertu Sokk', 'Kertu', 'Sokk', 'ksokk@')
  , ('Lap Dinh', 'Lap', 'Dinh', 'lap@')
  , ('Paul Valbe', 'Paul', 'Valbe', 'paul@')
  , ('Tea Koppel', 'Tea', 'Koppel', 't_koppel@')
  , ('Teresa Borgen', 'Teresa', 'Borgen', 'teresa@')
  , ('Cai Cao', 'Cai', 'Cao', 'cai.cao@')
  , ('Erik Malk', 'Erik', 'Malk', 'erik@')
  , ('Maris Baltins', 'Maris', 'Baltins', 'maris.baltins@')
  , ('Salamans Karklins', 'Salamans', 'Karklins', 's_karklins@')
  , ('Mark Ruutel', 'Mark', 'Ruutel', 'mark.ruutel@')
  , ('Kersti Mihhailov', 'Kersti', 'Mihhailov', 'k_mihhailov@')
  , ('Bay Ly', 'Bay', 'Ly', 'bay@')
  , ('Raimonds Kalnins', 'Raimonds', 'Kalnins', 'rkalnins@')
  , ('Filips Jaunzems', 'Filips', 'Jaunzems', 'filips@')
  , ('Neil Farrelly', 'Neil', 'Farrelly', 'neil@')
  , ('Marek Blaho', 'Marek', 'Blaho', 'm.blaho@')
  , ('Donald Jones', 'Donald', 'Jones', 'donald@')
  , ('Brita Jarvi', 'Brita', 'Jarvi', 'b.jarvi@')
  , ('Sharon Graham', 'Sharon', 'Graham', 'sharon@')
  , ('Ingrida Celmina', 'Ingrida', 'Celmina', 'ingrida.celmina@')
  , ('Ilgonis Prieditis', 'Ilgonis', 'Prieditis', 'ilgonis@')
  , ('Orions Podnieks', 'Orions', 'Podnieks', 'o.podnieks@')
  , ('Sarmis Skujins', 'Sarmis', 'Skujins', 'sarmis@')
  , ('Nikolajs Kalejs', 'Nikolajs', 'Kalejs', 'nikolajs@')
  , ('Liia Mae', 'Liia', 'Mae', 'liia@')
  , ('Juan Roy', 'Juan', 'Roy', 'jroy@')
  , ('Cai Nguyen', 'Cai', 'Nguyen', 'cai@')
  , ('Kristiina Ivanov', 'Kristiina', 'Ivanov', 'kivanov@')
  , ('Dita Kreslina', 'Dita', 'Kreslina', 'dita@')
  , ('Elina Bite', 'Elina', 'Bite', 'elina.bite@')
  , ('Lilli Peetre', 'Lilli', 'Peetre', 'lilli@')
  , ('Spidols Podnieks', 'Spidols', 'Podnieks', 'spidols@')
  , ('Richard Friar', 'Richard', 'Friar', 'richard@')
  , ('Dana Mrazova', 'Dana', 'Mrazova', 'dana@')
  , ('Izabella Baltina', 'Izabella', 'Baltina', 'i.baltina@')
  , ('Essie Braggs', 'Essie', 'Braggs', 'essie.braggs@')
  , ('Lan Chu', 'Lan', 'Chu', 'lchu@')
  , ('Irma Berzina', 'Irma', 'Berzina', 'irma@')
  , ('Hubert Helms', 'Hubert', 'Helms', 'hubert@')
  , ('Bich Banh', 'Bich', 'Banh', 'b_banh@')
  , ('Laura Sykorova', 'Laura', 'Sykorova', 'laura.sykorova@')
  , ('Peeter Keskula', 'Peeter', 'Keskula', 'peeter@')
  , ('Elina Kaleja', 'Elina', 'Kaleja', 'elina@')
  , ('Amanda Kaulina', 'Amanda', 'Kaulina', 'amanda@')
  , ('Hue Chu', 'Hue', 'Chu', 'h.chu@')
  , ('Hardi Laurits', 'Hardi', 'Laurits', 'hardi@')
  , ('Birgit Saar', 'Birgit', 'Saar', 'birgit.saar@')
  , ('Aino Kallas', 'Aino', 'Kallas', 'aino@')
  , ('Robert Ruutli', 'Robert', 'Ruutli', 'robert@')
  , ('Donald Small', 'Donald', 'Small', 'dsmall@')
  , ('Jan Zeman', 'Jan', 'Zeman', 'jzeman@')
  , ('Severins Polis', 'Severins', 'Polis', 'severins@')
  , ('Ingrida Zeltina', 'Ingrida', 'Zeltina', 'i.zeltina@')
  , ('Liia Orav', 'Liia', 'Orav', 'l_orav@')
  , ('Sabine Alksne', 'Sabine', 'Alksne', 's.alksne@')
  , ('Ondrej Polak', 'Ondrej', 'Polak', 'ondrej@')
  , ('Daniela Dumina', 'Daniela', 'Dumina', 'ddumina@')
  , ('Lan Bach', 'Lan', 'Bach', 'lan@')
  , ('Nils Kaulins', 'Nils', 'Kaulins', 'n.kaulins@')
  , ('Karie Mercier', 'Karie', 'Mercier', 'karie@')
  , ('Risto Lepmets', 'Risto', 'Lepmets', 'rlepmets@')
  , ('Grieta Kalnina', 'Grieta', 'Kalnina', 'grieta@')
  , ('Ngoc Cao', 'Ngoc', 'Cao', 'ngoc@')
  , ('Jose Williams', 'Jose', 'Williams', 'jose@')
  , ('Reigo Rebane', 'Reigo', 'Rebane', 'reigo@')
  , ('An Dung Ngo', 'An Dung', 'Ngo', 'an dung@')
  , ('Eero Raud', 'Eero', 'Raud', 'e.raud@')
  , ('Aleksandrs Riekstins', 'Aleksandrs', 'Riekstins', 'aleksandrs@')
  , ('Vitalijs Baltins', 'Vitalijs', 'Baltins', 'vitalijs@')
  , ('Steven Frasier', 'Steven', 'Frasier', 'sfrasier@')
  , ('Lorenzo Lee', 'Lorenzo', 'Lee', 'lorenzo.lee@')
  , ('Lennart Kask', 'Lennart', 'Kask', 'l.kask@')
  , ('Bianh Banh', 'Bianh', 'Banh', 'bianh@')
  , ('Kyle Redd', 'Kyle', 'Redd', 'kyle.redd@')
  , ('Ella Celmina', 'Ella', 'Celmina', 'ella@')
  , ('Adam Balaz', 'Adam', 'Balaz', 'a.balaz@')
  , ('Ella Zvirbule', 'Ella', 'Zvirbule', 'ella@')
  , ('Nhung Ton', 'Nhung', 'Ton', 'n_ton@')
  , ('Roberts Sprogis', 'Roberts', 'Sprogis', 'roberts@')
  , ('Julia Slobodova', 'Julia', 'Slobodova', 'julia@')
  , ('Joel Carrillo', 'Joel', 'Carrillo', 'joel@')
  , ('Agrita Kalnina', 'Agrita', 'Kalnina', 'agrita@')
  , ('Pavol Oravec', 'Pavol', 'Oravec', 'pavol@')
  , ('Teresa Bender', 'Teresa', 'Bender', 'teresa@')
  , ('Teresa Torres', 'Teresa', 'Torres', 'teresa@')
  , ('Viktoria Hudecova', 'Viktoria', 'Hudecova', 'viktoria.hudecova@')
  , ('Koknesis Vitols', 'Koknesis', 'Vitols', 'koknesis@')
  , ('Nils Balodis', 'Nils', 'Balodis', 'nils@')
  , ('Aive Petrov', 'Aive', 'Petrov', 'apetrov@')
  , ('Linda Ledezma', 'Linda', 'Ledezma', 'lledezma@')
  , ('Hoc Le', 'Hoc', 'Le', 'h.le@')
  , ('Thanh Dinh', 'Thanh', 'Dinh', 'thanh@')
  , ('Aleksandrs Cirulis', 'Aleksandrs', 'Cirulis', 'acirulis@')
  , ('Maurice English', 'Maurice', 'English', 'menglish@')
  , ('Jautrite Avotina', 'Jautrite', 'Avotina', 'jautrite@')
  , ('Hai Dam', 'Hai', 'Dam', 'hdam@')
  , ('Hue Ton', 'Hue', 'Ton', 'h.ton@')
  , ('Phoung Cu', 'Phoung', 'Cu', 'phoung@')
  , ('Alvin Bollinger', 'Alvin', 'Bollinger', 'alvin@')
  , ('Bao Dao', 'Bao', 'Dao', 'bao.dao@')
  , ('Linda Green', 'Linda', 'Green', 'linda@')
  , ('Laimonis Berzins', 'Laimonis', 'Berzins', 'laimonis@')
  , ('Philip Walker', 'Philip', 'Walker', 'p.walker@')
  , ('Neil Logan', 'Neil', 'Logan', 'neil.logan@')
  , ('Nguyen Banh', 'Nguyen', 'Banh', 'nguyen@')
  , ('Nhung Thach', 'Nhung', 'Thach', 'nhung@')
  , ('Irene Sepp', 'Irene', 'Sepp', 'irene@')
  , ('Tami Shuler', 'Tami', 'Shuler', 'tami@')
  , ('Teresa Fields', 'Teresa', 'Fields', 'tfields@')
  , ('Miriam House', 'Miriam', 'House', 'miriam@')
  , ('Valter Viiding', 'Valter', 'Viiding', 'valter@')
  , ('Ngai Lam', 'Ngai', 'Lam', 'n.lam@')
  , ('Ron Williams', 'Ron', 'Williams', 'r.williams@')
  , ('Maksims Krastins', 'Maksims', 'Krastins', 'maksims.krastins@')
  , ('Aile Mae', 'Aile', 'Mae', 'a.mae@')
  , ('Karl Kangur', 'Karl', 'Kangur', 'karl@')
  , ('Bryan Helms', 'Bryan', 'Helms', 'bryan.helms@')
  , ('An Dung Phung', 'An Dung', 'Phung', 'an dung@')
  , ('Andris Saulitis', 'Andris', 'Saulitis', 'asaulitis@')
  , ('Debbie Clark', 'Debbie', 'Clark', 'debbie.clark@')
  , ('Nils Podnieks', 'Nils', 'Podnieks', 'npodnieks@')
  , ('Hoc Tran', 'Hoc', 'Tran', 'hoc@')
  , ('Anda Liepa', 'Anda', 'Liepa', 'anda@')
  , ('Kimberly Pace', 'Kimberly', 'Pace', 'k.pace@')
  , ('Debbie Molina', 'Debbie', 'Molina', 'd_molina@')
  , ('Catherine Potts', 'Catherine', 'Potts', 'catherine.potts@')
  , ('Umut Acar', 'Umut', 'Acar', 'umut@')
  , ('Leticia Ribeiro', 'Leticia', 'Ribeiro', 'leticia@')
  , ('Rajiv Shasthri', 'Rajiv', 'Shasthri', 'rajiv@')
  , ('Hedi Koppel', 'Hedi', 'Koppel', 'hedi@')
  , ('Rohan Das', 'Rohan', 'Das', 'rohan@')
  , ('Duleep Walia', 'Duleep', 'Walia', 'duleep@')
  , ('Prakash Sarma', 'Prakash', 'Sarma', 'prakash.sarma@')
  , ('Kaan Tekin', 'Kaan', 'Tekin', 'kaan@')
  , ('ozge ozden', 'ozge', 'ozden', 'ozge@')
  , ('Dilara Ayhan', 'Dilara', 'Ayhan', 'dilara@')
  , ('Ratnam Sidhu', 'Ratnam', 'Sidhu', 'r_sidhu@')
  , ('Olya Izmaylov', 'Olya', 'Izmaylov', 'o_izmaylov@')
  , ('Duleep Raju', 'Duleep', 'Raju', 'duleep@')
  , ('Avanti Nishad', 'Avanti', 'Nishad', 'avanti.nishad@')
  , ('Arda Gunes', 'Arda', 'Gunes', 'arda@')
  , ('Celik TunC', 'Celik', 'TunC', 'celik@')
  , ('Hakan Akbulut', 'Hakan', 'Akbulut', 'hakan@')
  , ('Elvira Konovalova', 'Elvira', 'Konovalova', 'elvira@')
  , ('Zafer senturk', 'Zafer', 'senturk', 'zafer.senturk@')
  , ('Seeta Bose', 'Seeta', 'Bose', 'seeta@')
  , ('Shiva Nair', 'Shiva', 'Nair', 's.nair@')
  , ('Rakesh Nishad', 'Rakesh', 'Nishad', 'rakesh@')
  , ('Urve Kasesalu', 'Urve', 'Kasesalu', 'ukasesalu@')
  , ('Narayan Mukherjee', 'Narayan', 'Mukherjee', 'narayan@')
  , ('Murugan Thakur', 'Murugan', 'Thakur', 'murugan@')
  , ('Priya Joshi', 'Priya', 'Joshi', 'priya.joshi@')
  , ('Priya kaushal', 'Priya', 'kaushal', 'p_kaushal@')
  , ('Gulzar Parkar', 'Gulzar', 'Parkar', 'gulzar.parkar@')
  , ('Volkan senturk', 'Volkan', 'senturk', 'vsenturk@')
  , ('Ceyhun sahin', 'Ceyhun', 'sahin', 'ceyhun@')
  , ('Yonca Basturk', 'Yonca', 'Basturk', 'yonca@')
  , ('Basak Tekin', 'Basak', 'Tekin', 'basak@')
  , ('omer ozbek', 'omer', 'ozbek', 'omer.ozbek@')
  , ('Narendra Tickoo', 'Narendra', 'Tickoo', 'n_tickoo@')
  , ('Rahul Ghate', 'Rahul', 'Ghate', 'rahul@')
  , ('Serhat Akbulut', 'Serhat', 'Akbulut', 'sakbulut@')
  , ('Ebru Erdogan', 'Ebru', 'Erdogan', 'ebru.erdogan@')
  , ('Sanjay Cheema', 'Sanjay', 'Cheema', 'scheema@')
  , ('Mahmut ozbek', 'Mahmut', 'ozbek', 'mahmut@')
  , ('Parveen Haldar', 'Parveen', 'Haldar', 'parveen@')
  , ('Chandrakanta Benjaree', 'Chandrakanta', 'Benjaree', 'c.benjaree@')
  , ('Lata Babu', 'Lata', 'Babu', 'l_babu@')
  , ('Sumati Bhat', 'Sumati', 'Bhat', 'sumati.bhat@')
  , ('Sumati Chatterjee', 'Sumati', 'Chatterjee', 'sumati@')
  , ('Radha Shah', 'Radha', 'Shah', 'radha.shah@')
  , ('Om Yadav', 'Om', 'Yadav', 'om@')
  , ('Serdar ozCelik', 'Serdar', 'ozCelik', 'sozcelik@')
  , ('Rajiv Kotadia', 'Rajiv', 'Kotadia', 'rajiv@')
  , ('Madhu Dwivedi', 'Madhu', 'Dwivedi', 'madhu@')
  , ('Damodara Trivedi', 'Damodara', 'Trivedi', 'damodara@')
  , ('Birol Arslan', 'Birol', 'Arslan', 'birol.arslan@')
  , ('Peep Lill', 'Peep', 'Lill', 'p.lill@')
  , ('Chetana Dewangan', 'Chetana', 'Dewangan', 'chetana@')
  , ('Serkan senturk', 'Serkan', 'senturk', 'serkan@')
  , ('Bala Ogra', 'Bala', 'Ogra', 'bala@')
  , ('Mehmet Arslan', 'Mehmet', 'Arslan', 'm_arslan@')
  , ('Risto Valbe', 'Risto', 'Valbe', 'risto.valbe@')
  , ('Mandeep Desai', 'Mandeep', 'Desai', 'm_desai@')
  , ('Anand Mudaliyar', 'Anand', 'Mudaliyar', 'anand.mudaliyar@')
  , ('Aruna Cheema', 'Aruna', 'Cheema', 'aruna@')
  , ('Kaya ozbek', 'Kaya', 'ozbek', 'kaya@')
  , ('Rama Mukaddam', 'Rama', 'Mukaddam', 'rama@')
  , ('Kamal Nakhtare', 'Kamal', 'Nakhtare', 'kamal@')
  , ('Ratnam Singh', 'Ratnam', 'Singh', 'ratnam@')
  , ('Indu Chowdary', 'Indu', 'Chowdary', 'indu@')
  , ('TunC Polat', 'TunC', 'Polat', 'tunc.polat@')
  , ('Tamer Ayhan', 'Tamer', 'Ayhan', 't_ayhan@')
  , ('Sushila Baruah', 'Sushila', 'Baruah', 'sushila@')
  , ('Gunnar Lohmus', 'Gunnar', 'Lohmus', 'gunnar@')
  , ('Arjuna Haldar', 'Arjuna', 'Haldar', 'arjuna@')
  , ('Gulzar Naidu', 'Gulzar', 'Naidu', 'gulzar@')
  , ('Kanti Pipalia', 'Kanti', 'Pipalia', 'kanti@')
  , ('Leyla Celik', 'Leyla', 'Celik', 'leyla@')
  , ('Åšani Shasthri', 'Åšani', 'Shasthri', 'åšani@')
  , ('Adriana Pena', 'Adriana', 'Pena', 'adriana.pena@')
  , ('Pavel Bogdanov', 'Pavel', 'Bogdanov', 'pavel@')
  , ('Ivan Ignatyev', 'Ivan', 'Ignatyev', 'i_ignatyev@')
  , ('Lilli Sokk', 'Lilli', 'Sokk', 'lilli@')
  , ('Didem ozCelik', 'Didem', 'ozCelik', 'dozcelik@')
  , ('Bipin Modi', 'Bipin', 'Modi', 'bipin.modi@')
  , ('Cemal Dogan', 'Cemal', 'Dogan', 'cemal.dogan@')
  , ('Ezgi Kaya', 'Ezgi', 'Kaya', 'ezgi.kaya@')
  , ('Mikhail Degtyarev', 'Mikhail', 'Degtyarev', 'mikhail@')
  , ('Sercan Celik', 'Sercan', 'Celik', 'scelik@')
  , ('Ayberk sahin', 'Ayberk', 'sahin', 'asahin@')
  , ('Soner Guler', 'Soner', 'Guler', 'soner@')
  , ('Hanuman Negi', 'Hanuman', 'Negi', 'hnegi@')
  , ('Sashi Dev', 'Sashi', 'Dev', 'sashi@')
  , ('Emine Gungor', 'Emine', 'Gungor', 'emine.gungor@')
  , ('Devi Dewangan', 'Devi', 'Dewangan', 'devi@')
  , ('Burak ozden', 'Burak', 'ozden', 'burak@')
  , ('Lina Martins', 'Lina', 'Martins', 'lina@')
  , ('Kauan Gomes', 'Kauan', 'Gomes', 'kgomes@')
  , ('Surendra Sahu', 'Surendra', 'Sahu', 'surendra@')
  , ('Dayaram Raut', 'Dayaram', 'Raut', 'dayaram@')
  , ('Gita Bhutia', 'Gita', 'Bhutia', 'gita@')
  , ('Ankita Mittal', 'Ankita', 'Mittal', 'ankita@')
  , ('Shiva Pipalia', 'Shiva', 'Pipalia', 'shiva@')
  , ('Clara Cunha', 'Clara', 'Cunha', 'clara@')
  , ('GokCe Karaca', 'GokCe', 'Karaca', 'gokce@')
  , ('Lakshmi Nair', 'Lakshmi', 'Nair', 'lakshmi@')
  , ('Harendra Sonkar', 'Harendra', 'Sonkar', 'harendra@')
  , ('Sudhir Yadav', 'Sudhir', 'Yadav', 'sudhir@')
  , ('Chandana Shasthri', 'Chandana', 'Shasthri', 'c_shasthri@')
  , ('sevki Celik', 'sevki', 'Celik', 'scelik@')
  , ('Akhil Nadar', 'Akhil', 'Nadar', 'akhil@')
  , ('Ratan Poddar', 'Ratan', 'Poddar', 'r_poddar@')
  , ('Can ozcan', 'Can', 'ozcan', 'can@')
  , ('Serdar ozden', 'Serdar', 'ozden', 'serdar@')
  , ('Dipti Shah', 'Dipti', 'Shah', 'dipti.shah@')
  , ('Lakshmi Benipal', 'Lakshmi', 'Benipal', 'lakshmi@')
  , ('Damla Yavuz', 'Damla', 'Yavuz', 'damla.yavuz@')
  , ('Saraswati Beniwal', 'Saraswati', 'Beniwal', 's.beniwal@')
  , ('Indu Nambiar', 'Indu', 'Nambiar', 'indu@')
  , ('Serkan AvcÄ±', 'Serkan', 'AvcÄ±', 'serkan@')
  , ('Aykut ozkan', 'Aykut', 'ozkan', 'aykut@')
  , ('BahadÄ±r Korkmaz', 'BahadÄ±r', 'Korkmaz', 'b.korkmaz@')
  , ('Harri Kask', 'Harri', 'Kask', 'harri@')
  , ('Mahendra Trivedi', 'Mahendra', 'Trivedi', 'mahendra@')
  , ('Daniella Ribeiro', 'Daniella', 'Ribeiro', 'd.ribeiro@')
  , ('Ferhat Celik', 'Ferhat', 'Celik', 'ferhat.celik@')
  , ('Aet Kasesalu', 'Aet', 'Kasesalu', 'aet.kasesalu@')
  , ('Yavuz Cetinkaya', 'Yavuz', 'Cetinkaya', 'yavuz@')
  , ('Malle Sepp', 'Malle', 'Sepp', 'malle@')
  , ('Siddhartha Parkar', 'Siddhartha', 'Parkar', 'siddhartha@')
  , ('Halit Gunes', 'Halit', 'Gunes', 'h_gunes@')
  , ('Jayanti Pandit', 'Jayanti', 'Pandit', 'jayanti@')
  , ('Cuneyt Arslan', 'Cuneyt', 'Arslan', 'cuneyt@')
  , ('Olya Seleznyov', 'Olya', 'Seleznyov', 'olya@')
  , ('Akanksha Sarma', 'Akanksha', 'Sarma', 'akanksha.sarma@')
  , ('Olga Alexandrova', 'Olga', 'Alexandrova', 'olga@')
  , ('Daniella Barbosa', 'Daniella', 'Barbosa', 'd.barbosa@')
  , ('William Power', 'William', 'Power', 'wpower@')
  , ('Hollie Elliott', 'Hollie', 'Elliott', 'helliott@')
  , ('Owen Wright', 'Owen', 'Wright', 'o_wright@')
  , ('Demi Spencer', 'Demi', 'Spencer', 'demi@')
  , ('Lucy Taylor', 'Lucy', 'Taylor', 'lucy@')
  , ('Lucas Parsons', 'Lucas', 'Parsons', 'lucas@')
  , ('Rosie Taylor', 'Rosie', 'Taylor', 'rosie@')
  , ('Tegan Mellor', 'Tegan', 'Mellor', 'tegan.mellor@')
  , ('Aaliyah Franklin', 'Aaliyah', 'Franklin', 'a_franklin@')
  , ('Laura Doyle', 'Laura', 'Doyle', 'l_doyle@')
  , ('Isobel Cole', 'Isobel', 'Cole', 'isobel.cole@')
  , ('Ellie Sullivan', 'Ellie', 'Sullivan', 'ellie.sullivan@')
  , ('Jennifer Osborne', 'Jennifer', 'Osborne', 'jennifer@')
  , ('Isaac Boyle', 'Isaac', 'Boyle', 'isaac.boyle@')
  , ('Archie Bradshaw', 'Archie', 'Bradshaw', 'abradshaw@')
  , ('Kiera Osborne', 'Kiera', 'Osborne', 'kosborne@')
  , ('Victoria Spencer', 'Victoria', 'Spencer', 'v.spencer@')
  , ('Tia Owens', 'Tia', 'Owens', 'towens@')
  , ('Patrick Power', 'Patrick', 'Power', 'patrick.power@')
  , ('Elliot Goddard', 'Elliot', 'Goddard', 'elliot@')
  , ('Harry Price', 'Harry', 'Price', 'h.price@')
  , ('Jay Thorpe', 'Jay', 'Thorpe', 'jay.thorpe@')
  , ('Samantha Gardiner', 'Samantha', 'Gardiner', 'samantha@')
  , ('Owen Hunt', 'Owen', 'Hunt', 'owen@')
  , ('Holly Osborne', 'Holly', 'Osborne', 'h_osborne@')
  , ('Brandan Power', 'Brandan', 'Power', 'bpower@')
  , ('Laura Sullivan', 'Laura', 'Sullivan', 'laura@')
  , ('Isobel Wilkins', 'Isobel', 'Wilkins', 'isobel.wilkins@')
  , ('Harvey Baxter', 'Harvey', 'Baxter', 'hbaxter@')
  , ('Charles Power', 'Charles', 'Power', 'charles.power@')
  , ('Owen Thompson', 'Owen', 'Thompson', 'o_thompson@')
  , ('Jodie Curtis', 'Jodie', 'Curtis', 'jodie@')
  , ('Eleanor Gardiner', 'Eleanor', 'Gardiner', 'e_gardiner@')
  , ('Paige Holland', 'Paige', 'Holland', 'paige@')
  , ('Harvey Perkins', 'Harvey', 'Perkins', 'harvey.perkins@')
  , ('Ty Roddy', 'Ty', 'Roddy', 'ty@')
  , ('Margarita Johnston', 'Margarita', 'Johnston', 'margarita@')
  , ('Simone Perry', 'Simone', 'Perry', 'simone@')
  , ('Helene Hart', 'Helene', 'Hart', 'helene.hart@')
  , ('Noel Brigham', 'Noel', 'Brigham', 'noel@')
  , ('Judith Lang', 'Judith', 'Lang', 'judith@')
  , ('Juliet Vaughn', 'Juliet', 'Vaughn', 'juliet.vaughn@')
  , ('Darin Maggard', 'Darin', 'Maggard', 'darin@')
  , ('Maryann Boyd', 'Maryann', 'Boyd', 'm_boyd@')
  , ('Sondra Sampson', 'Sondra', 'Sampson', 'sondra@')
  , ('Jaime Daniel', 'Jaime', 'Daniel', 'jaime.daniel@')
  , ('Lee Powell', 'Lee', 'Powell', 'lee@')
  , ('Kaye Glenn', 'Kaye', 'Glenn', 'kaye@')
  , ('Bradford Gilbreath', 'Bradford', 'Gilbreath', 'b.gilbreath@')
  , ('Johnnie Herrera', 'Johnnie', 'Herrera', 'johnnie@')
  , ('Lynne Robertson', 'Lynne', 'Robertson', 'lrobertson@')
  , ('Justine Barrera', 'Justine', 'Barrera', 'justine@')
  , ('Jeannine Burton', 'Jeannine', 'Burton', 'jeannine.burton@')
  , ('Kathy Hubbard', 'Kathy', 'Hubbard', 'kathy.hubbard@')
  , ('Addie Higgins', 'Addie', 'Higgins', 'addie.higgins@')
  , ('Hugo Lunn', 'Hugo', 'Lunn', 'hugo@')
  , ('Cody Frazer', 'Cody', 'Frazer', 'c.frazer@')
  , ('Ella Tyler', 'Ella', 'Tyler', 'ella.tyler@')
  , ('Trevor Gault', 'Trevor', 'Gault', 'trevor@')
  , ('Merle Lambert', 'Merle', 'Lambert', 'merle@')
  , ('Tommie Kellum', 'Tommie', 'Kellum', 'tommie@')
  , ('Ruthie Charles', 'Ruthie', 'Charles', 'ruthie@')
  , ('Aurelia Barlow', 'Aurelia', 'Barlow', 'aurelia@')
  , ('Truman Sacco', 'Truman', 'Sacco', 'truman@')
  , ('Edmond Pinkney', 'Edmond', 'Pinkney', 'e.pinkney@')
  , ('Gena Logan', 'Gena', 'Logan', 'g_logan@')
  , ('Sue Cameron', 'Sue', 'Cameron', 'sue@')
  , ('Krista Clemons', 'Krista', 'Clemons', 'kclemons@')
  , ('Rachael Holland', 'Rachael', 'Holland', 'r_holland@')
  , ('Enid Bird', 'Enid', 'Bird', 'ebird@')
GO
--==================================
-- Bring database online template
--==================================
ALTER DATABASE <Database_Name, sysname, Database_Name>
   SET ONLINE
GO
 ﻿
CREATE PROCEDURE DataLoadSimulation.RecordInvoiceDeliveries
@CurrentDateTime datetime2(7),
@StartingWhen datetime,
@EndOfTime datetime2(7),
@IsSilentMode bit
WITH EXECUTE AS OWNER
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- Pushed Notifications to calling proc
    --IF @IsSilentMode = 0
    --BEGIN
    --    PRINT N'Recording invoice deliveries for ' + LEFT(CAST(@CurrentDateTime AS NVARCHAR), 10);
    --END;

    --DECLARE @DeliveryDriverPersonID int = (SELECT TOP(1) PersonID
    --                                       FROM [Application].People
    --                                       WHERE IsEmployee <> 0
    --                                       ORDER BY NEWID());
    DECLARE @DeliveryDriverPersonID INT
    EXEC [DataLoadSimulation].[GetRandomEmployeePerson]
      @EmployeePersonID = @DeliveryDriverPersonID OUTPUT

    DECLARE @ReturnedDeliveryData nvarchar(max);
    DECLARE @InvoiceID int;
    DECLARE @CustomerName nvarchar(100);
    DECLARE @PrimaryContactFullName nvarchar(50);
    DECLARE @Latitude decimal(18,7);
    DECLARE @Longitude decimal(18,7);
    DECLARE @DeliveryAttemptWhen datetime2(7);
    DECLARE @Counter int = 0;
    DECLARE @DeliveryEvent nvarchar(max);
    DECLARE @IsDelivered bit;

    DECLARE InvoiceList CURSOR FAST_FORWARD READ_ONLY
    FOR
    SELECT i.InvoiceID, i.ReturnedDeliveryData, c.CustomerName
         , p.FullName, ct.[Location].Lat, ct.[Location].Long
      FROM Sales.Invoices AS i
     INNER JOIN Sales.Customers AS c
        ON i.CustomerID = c.CustomerID
     INNER JOIN [Application].Cities AS ct
        ON c.DeliveryCityID = ct.CityID
     INNER JOIN [Application].People AS p
        ON c.PrimaryContactPersonID = p.PersonID
     WHERE i.ConfirmedDeliveryTime IS NULL
       AND i.InvoiceDate < CAST(@StartingWhen AS date)
     ORDER BY i.InvoiceID;

    OPEN InvoiceList;
    FETCH NEXT FROM InvoiceList INTO @InvoiceID, @ReturnedDeliveryData, @CustomerName, @PrimaryContactFullName, @Latitude, @Longitude;

    WHILE @@FETCH_STATUS = 0
    BEGIN
        SET @Counter += 1;
        SET @DeliveryAttemptWhen = DATEADD(minute, @Counter * 5, @StartingWhen);

        SET @DeliveryEvent = N'{ }';
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.Event', N'DeliveryAttempt');
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.EventTime', CONVERT(nvarchar(20), @DeliveryAttemptWhen, 126));
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.ConNote', N'EAN-125-' + CAST(@InvoiceID + 1050 AS nvarchar(20)));
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.DriverID', @DeliveryDriverPersonID);
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.Latitude', @Latitude);
        SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.Longitude', @Longitude);

        SET @IsDelivered = 0;

        IF RAND() < 0.1 -- 10 % chance of non-delivery on this attempt
        BEGIN
            SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.Comment', N'Receiver not present');
        END ELSE BEGIN -- delivered
            SET @DeliveryEvent = JSON_MODIFY(@DeliveryEvent, N'$.Status', N'Delivered');
            SET @IsDelivered = 1;
        END;

        SET @ReturnedDeliveryData = JSON_MODIFY(@ReturnedDeliveryData, N'append $.Events', JSON_QUERY(@DeliveryEvent));
        SET @ReturnedDeliveryData = JSON_MODIFY(@ReturnedDeliveryData, N'$.DeliveredWhen', CONVERT(nvarchar(20), @DeliveryAttemptWhen, 126));
        SET @ReturnedDeliveryData = JSON_MODIFY(@ReturnedDeliveryData, N'$.ReceivedBy', @PrimaryContactFullName);

        UPDATE Sales.Invoices
        SET ReturnedDeliveryData = @ReturnedDeliveryData,
            LastEditedBy = @DeliveryDriverPersonID,
            LastEditedWhen = @StartingWhen
        WHERE InvoiceID = @InvoiceID;

        FETCH NEXT FROM InvoiceList INTO @InvoiceID, @ReturnedDeliveryData, @CustomerName, @PrimaryContactFullName, @Latitude, @Longitude;
    END;

    CLOSE InvoiceList;
    DEALLOCATE InvoiceList;
END;-- Join Date table and Trip table

SELECT TOP (1000000) dt.[DayOfWeek]
      ,tr.[MedallionID]
      ,tr.[HackneyLicenseID]
      ,tr.[PickupTimeID]
      ,tr.[DropoffTimeID]
      ,tr.[PickupGeographyID]
      ,tr.[DropoffGeographyID]
      ,tr.[PickupLatitude]
      ,tr.[PickupLongitude]
      ,tr.[PickupLatLong]
      ,tr.[DropoffLatitude]
      ,tr.[DropoffLongitude]
      ,tr.[DropoffLatLong]
      ,tr.[PassengerCount]
      ,tr.[TripDurationSeconds]
      ,tr.[TripDistanceMiles]
      ,tr.[PaymentType]
      ,tr.[FareAmount]
      ,tr.[SurchargeAmount]
      ,tr.[TaxAmount]
      ,tr.[TipAmount]
      ,tr.[TollsAmount]
      ,tr.[TotalAmount]
  FROM [dbo].[Trip] as tr
  join
  dbo.[Date] as dt
  on tr.DateID = dt.DateID
USE sqlr;
GO

/* Create procedure for scoring using the decision tree model */
create or alter procedure predict_iris_species (@model varchar(100))
as
begin
		declare @rx_model varbinary(max) = (select model from iris_models where model_name = @model);
		-- Predict based on the specified model:
		exec sp_execute_external_script
						@language = N'R'
					, @script = N'
# Unserialize model from SQL Server
irismodel<-unserialize(rx_model);

# Predict species for new data using rxDTree model
OutputDataSet <-rxPredict(irismodel, iris_rx_data, extraVarsToWrite = c("Species", "id"));
	'
		, @input_data_1 = N'
select id, "Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width", "Species"
from iris_data'
		, @input_data_1_name = N'iris_rx_data'
		, @params = N'@rx_model varbinary(max)'
		, @rx_model = @rx_model
		with result sets ( ("setosa_Pred" float, "versicolor_Pred" float, "virginica_Pred" float, "Species.Actual" varchar(100), "id" int));
end;
go

/* Test scoring of model */
exec predict_iris_species 'iris.dtree';
go
