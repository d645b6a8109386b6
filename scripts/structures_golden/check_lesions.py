def run(folder, cases, tally):
    pass
